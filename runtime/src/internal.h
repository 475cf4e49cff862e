// What the runtime's files share among themselves. Names start with graphrt_i_ and are hidden.
#pragma once

#include "graphrt/abi.h"
#include "graphrt/safetensors.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checkpoints are written as the machine holds them: little-endian machines only"
#endif

#if defined(_WIN32)
#define GRAPHRT_INTERNAL_FN // nothing is seen that is not exported
#else
#define GRAPHRT_INTERNAL_FN __attribute__((visibility("hidden")))
#endif
#define GRAPHRT_PRINTF(text, first) __attribute__((format(printf, text, first)))

// ---- The host: what a configuration says about memory, threads and errors (memory.c) ----

typedef struct graphrt_host {
  graphrt_allocate_fn allocate;
  graphrt_release_fn release;
  void *allocator_user;
  graphrt_parallel_fn parallel;
  void *parallel_user;
  graphrt_error_fn on_error;
  void *error_user;
  bool map; // checkpoints are mapped
} graphrt_host;

// Copies a configuration of this or an older size; NULL is all defaults. Refuses what makes no
// sense.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_config(const graphrt_config *config,
                                                    graphrt_config *copy, graphrt_host *host);

// Memory of `size` bytes (0 is served as 1), 64-byte aligned; NULL if there is none.
GRAPHRT_INTERNAL_FN void *graphrt_i_allocate(const graphrt_host *host, uint64_t size);
// NULL is allowed. `size` as it was asked for.
GRAPHRT_INTERNAL_FN void graphrt_i_release(const graphrt_host *host, void *block, uint64_t size);

// Sizes: false if the result does not fit int64_t (both operands >= 0).
GRAPHRT_INTERNAL_FN bool graphrt_i_multiply(int64_t a, int64_t b, int64_t *result);
GRAPHRT_INTERNAL_FN bool graphrt_i_add(int64_t a, int64_t b, int64_t *result);
// The number of elements of a shape; 0 if one dimension is 0, whatever the others.
GRAPHRT_INTERNAL_FN bool graphrt_i_elements(const int64_t *dims, int32_t rank, int64_t *result);
GRAPHRT_INTERNAL_FN bool graphrt_i_bytes(const int64_t *dims, int32_t rank, int32_t dtype,
                                         int64_t *result);
// `size` rounded up to a multiple of 64, or -1.
GRAPHRT_INTERNAL_FN int64_t graphrt_i_round(int64_t size);

// ---- Messages (error.c) ----

GRAPHRT_INTERNAL_FN void graphrt_i_clear(void);
// Sets this thread's message.
GRAPHRT_INTERNAL_FN void graphrt_i_message(const char *format, ...) GRAPHRT_PRINTF(1, 2);
// Sets this thread's message; gives `status`. A macro, so that a reader, a compiler and an analyzer
// see which status comes back.
#define graphrt_i_fail(status, ...) (graphrt_i_message(__VA_ARGS__), (status))
// Passes a failure on to the host's handler; returns `status`.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_done(const graphrt_host *host, graphrt_status status);
// A name out of a file, fit to be printed: shortened, without control characters or broken UTF-8.
enum { GRAPHRT_QUOTED = 128 };
GRAPHRT_INTERNAL_FN const char *graphrt_i_quote(const char *name, char buffer[GRAPHRT_QUOTED]);
// "[2, 3]"
enum { GRAPHRT_SHAPE_TEXT = 160 };
GRAPHRT_INTERNAL_FN const char *graphrt_i_shape(const int64_t *dims, int32_t rank,
                                                char buffer[GRAPHRT_SHAPE_TEXT]);

// ---- Processor (cpu.c) ----

// The variant to use here, or NULL with a message (status in *status).
GRAPHRT_INTERNAL_FN const graphrt_variant *graphrt_i_variant(const graphrt_model_desc *desc,
                                                             graphrt_status *status);
GRAPHRT_INTERNAL_FN int32_t graphrt_i_cpu_level(void);

// ---- The system (system.c, system_windows.c) ----

GRAPHRT_INTERNAL_FN void *graphrt_i_aligned(size_t size, size_t alignment);
GRAPHRT_INTERNAL_FN void graphrt_i_aligned_free(void *block);
GRAPHRT_INTERNAL_FN int32_t graphrt_i_processors(void);
// A number that tells this process from those beside it.
GRAPHRT_INTERNAL_FN uint32_t graphrt_i_process(void);

// Files. Paths are UTF-8. What fails has set errno, unless it says otherwise.
// Opens a regular file for reading; -1, with the reason in *why.
GRAPHRT_INTERNAL_FN int graphrt_i_open(const char *path, uint64_t *size, const char **why);
// Makes a file for writing that is not there yet; -1 with EEXIST if it is.
GRAPHRT_INTERNAL_FN int graphrt_i_create(const char *path);
// Bytes read or written, 0 at the end, -1.
GRAPHRT_INTERNAL_FN int64_t graphrt_i_read_at(int descriptor, void *buffer, size_t bytes,
                                              uint64_t offset);
GRAPHRT_INTERNAL_FN int64_t graphrt_i_write(int descriptor, const void *data, size_t bytes);
// What was written reaches the disk; the file gets the mode of `like`, if there is such a file.
GRAPHRT_INTERNAL_FN bool graphrt_i_finish(int descriptor, const char *like);
GRAPHRT_INTERNAL_FN bool graphrt_i_close(int descriptor);
// Renames, over what may be there.
GRAPHRT_INTERNAL_FN bool graphrt_i_replace(const char *from, const char *to);
GRAPHRT_INTERNAL_FN void graphrt_i_remove(const char *path);
// True for what exists and is no regular file.
GRAPHRT_INTERNAL_FN bool graphrt_i_special(const char *path);
// Makes renaming in a directory last, where the system offers that.
GRAPHRT_INTERNAL_FN void graphrt_i_sync_directory(const char *path);
// Where links lead; `path` itself where it leads nowhere.
enum { GRAPHRT_PATH = 4096 };
GRAPHRT_INTERNAL_FN const char *graphrt_i_resolve(const char *path, char resolved[GRAPHRT_PATH]);

// A file's bytes as pages of this process; writing to them does not change the file.
typedef struct graphrt_mapping {
  uint8_t *pages; // NULL: none
  uint64_t bytes;
} graphrt_mapping;

// False where the system maps no files, or not this one.
GRAPHRT_INTERNAL_FN bool graphrt_i_map(int descriptor, uint64_t bytes, graphrt_mapping *mapping);
GRAPHRT_INTERNAL_FN void graphrt_i_unmap(graphrt_mapping *mapping);

// ---- Threads (pool.c) ----

// Workers of one instance; they start when first needed.
typedef struct graphrt_pool {
  pthread_mutex_t mutex;
  pthread_cond_t work;
  pthread_cond_t done;
  _Atomic uint32_t epoch; // counts jobs; what an idle worker watches before it sleeps
  _Atomic int32_t active; // workers inside the job; written under the mutex
  void (*lane)(void *argument, int32_t index);
  void *argument;
  int32_t lanes;     // of the job
  int32_t next_lane; // not yet taken
  int32_t sleeping;
  bool open; // a job is there to join
  bool stop;
  bool tried;      // to start the workers
  int32_t workers; // wanted
  int32_t started;
  pthread_t *threads; // [workers]
} graphrt_pool;

// `threads` holds threads - 1 elements and belongs to the caller. False if the system has no more
// mutexes.
GRAPHRT_INTERNAL_FN bool graphrt_i_pool_start(graphrt_pool *pool, pthread_t *threads,
                                              int32_t workers);
GRAPHRT_INTERNAL_FN void graphrt_i_pool_stop(graphrt_pool *pool);
GRAPHRT_INTERNAL_FN void graphrt_i_pool_run(graphrt_pool *pool, int32_t lanes,
                                            void (*lane)(void *, int32_t), void *argument);

// ---- Instances (instance.c) ----

// What the variables lie in: memory, the pages of a checkpoint, or both.
typedef struct graphrt_storage {
  uint8_t *block; // may be NULL
  uint64_t bytes;
  graphrt_mapping mapping;
} graphrt_storage;
GRAPHRT_INTERNAL_FN void graphrt_i_storage_release(const graphrt_host *host,
                                                   graphrt_storage *storage);

// The variables, held by every instance that shares them.
typedef struct graphrt_shared {
  _Atomic int64_t references;
  _Atomic uint64_t next_stream;
  pthread_rwlock_t lock;   // over the variables and their versions
  pthread_mutex_t packing; // held while a pack is remade, under the lock
  graphrt_storage storage; // replaced as a whole by load
  uint8_t **variables;     // [variable_count]: where each one lies
  uint64_t *versions;      // [variable_count], from 1
  _Atomic uint64_t *packs; // [pack_count]: the sum of versions that it was made from, or 0
  uint8_t *packed;
  uint64_t bytes; // of this structure and the arrays behind it
} graphrt_shared;

struct graphrt_instance {
  const graphrt_model_desc *desc;
  const graphrt_variant *variant;
  graphrt_shared *shared;
  graphrt_host host;
  _Atomic uint32_t busy; // 0 or 1: some processors exchange no single bytes
  int32_t threads;
  uint64_t seed, stream, counter;
  uint8_t *workspace;
  uint64_t workspace_bytes;
  int64_t *shape;       // room for the outputs' dimensions of any export
  uint8_t *lane_memory; // within the workspace, for the call under way
  int64_t lane_bytes;
  graphrt_pool pool;
  pthread_mutex_t failing;
  int64_t fail_position;
  char failure[256];
  uint64_t bytes; // of this structure and the arrays behind it
};

// Marks the instance as in use; fails with BUSY if it is. Undone by leave.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_enter(const graphrt_instance *instance);
GRAPHRT_INTERNAL_FN void graphrt_i_leave(const graphrt_instance *instance);

// Runs code of the instance: workspace, packs, body, commit. The caller holds the lock over the
// variables (or is alone with them).
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_run(graphrt_instance *instance, const char *name,
                                                 const graphrt_export_code *code,
                                                 graphrt_call *call);
// Makes the workspace large enough for the code.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_workspace(graphrt_instance *instance, const char *name,
                                                       const graphrt_export_code *code,
                                                       const int64_t *dims);

GRAPHRT_INTERNAL_FN const uint8_t *graphrt_i_variable(const graphrt_instance *instance,
                                                      int32_t index);
GRAPHRT_INTERNAL_FN int64_t graphrt_i_variable_bytes(const graphrt_model_desc *desc, int32_t index);
GRAPHRT_INTERNAL_FN bool graphrt_i_any_frozen(const graphrt_model_desc *desc);

// ---- Partitioned variables (parts.c) ----

// The dimensions under which a checkpoint holds a variable: the whole's, or its own.
GRAPHRT_INTERNAL_FN const int64_t *graphrt_i_whole_dims(const graphrt_model_desc *desc,
                                                        int32_t index);
// The name under which a checkpoint holds it.
GRAPHRT_INTERNAL_FN const char *graphrt_i_whole_name(const graphrt_model_desc *desc, int32_t index);
// Copies a part into its place in the whole, or out of it.
GRAPHRT_INTERNAL_FN void graphrt_i_part_to_whole(const graphrt_model_desc *desc, int32_t index,
                                                 const uint8_t *part, uint8_t *whole);
GRAPHRT_INTERNAL_FN void graphrt_i_whole_to_part(const graphrt_model_desc *desc, int32_t index,
                                                 const uint8_t *whole, uint8_t *part);
// Where a part begins in the whole, in bytes; false if it does not lie there in one piece.
GRAPHRT_INTERNAL_FN bool graphrt_i_part_start(const graphrt_model_desc *desc, int32_t index,
                                              uint64_t *start);

// ---- Checkpoints (checkpoint.c, safetensors_*.c) ----

typedef struct graphrt_checkpoint {
  graphrt_safetensors *file;
  int64_t surplus; // tensors that belong to no variable
  bool complete;   // holds the slots too
  bool has_random;
  uint64_t seed, counter;
} graphrt_checkpoint;

// Opens a file and holds it against the definition.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_checkpoint_open(const graphrt_model_desc *desc,
                                                             const graphrt_host *host,
                                                             const char *path,
                                                             graphrt_checkpoint *checkpoint);
// Puts its values in place of the variables, all or none.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_checkpoint_apply(graphrt_instance *instance,
                                                              const graphrt_checkpoint *checkpoint);

GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_safetensors_open(const char *path,
                                                              const graphrt_host *host,
                                                              graphrt_safetensors **out);
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_safetensors_read(const graphrt_safetensors *file,
                                                              const graphrt_safetensor *tensor,
                                                              uint64_t begin, void *buffer,
                                                              uint64_t bytes);
// Maps the whole file; a tensor then lies at its `offset`. False if that cannot be.
GRAPHRT_INTERNAL_FN bool graphrt_i_safetensors_map(const graphrt_safetensors *file,
                                                   graphrt_mapping *mapping);
// UTF-8, each key once.
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_check_metadata(const graphrt_metadata *metadata,
                                                            int64_t count);
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_safetensors_write(
    const char *path, const graphrt_safetensor_source *tensors, int64_t count,
    const graphrt_metadata *metadata, int64_t metadata_count, const graphrt_host *host);

// Checks and decodes a header in place: every string in it is ended by a null byte. `header` is
// `length` bytes and one more. The arrays are allocated by the host (tensor_bytes, …).
typedef struct graphrt_header {
  graphrt_safetensor *tensors; // offsets still within the data
  int64_t tensor_count, tensor_room;
  int64_t *dims;
  int64_t dim_count, dim_room;
  graphrt_metadata *metadata;
  int64_t metadata_count, metadata_room;
} graphrt_header;
GRAPHRT_INTERNAL_FN graphrt_status graphrt_i_header_parse(const graphrt_host *host, char *text,
                                                          uint64_t length, graphrt_header *header);
GRAPHRT_INTERNAL_FN void graphrt_i_header_release(const graphrt_host *host, graphrt_header *header);

// The length of the UTF-8 sequence at `text` (of `left` bytes), or 0 if it is none.
GRAPHRT_INTERNAL_FN int graphrt_i_utf8(const unsigned char *text, uint64_t left);

// The file format's names of dtypes; NULL if there is none.
GRAPHRT_INTERNAL_FN const char *graphrt_i_safetensors_dtype(int32_t dtype);
// Bits of an element of a dtype by its name in files, 0 if unknown; *dtype is 0 if it is none here.
GRAPHRT_INTERNAL_FN int graphrt_i_safetensors_bits(const char *name, int32_t *dtype);
