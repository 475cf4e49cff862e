// graphrt: what compiled graph definitions run on. C11, usable from C++. Needs libc, libm and POSIX
// threads only.
//
// A compiled definition `lenet` has an interface of its own (lenet_create, lenet_predict, …) in its
// header; that interface is built from what stands here. A program that does not know the
// definition when it is written uses `graphrt_model`, which describes every variable and export and
// holds functions to create and call instances.
//
// Errors. Every function that can fail returns a graphrt_status. None aborts, exits, throws, prints
// or leaks. What went wrong is said by graphrt_message(). A call that fails has changed nothing:
// variables, seed and counter are as they were (buffers given for outputs may have been written).
//
// Threads. One call at a time per instance; a second one is answered with GRAPHRT_BUSY. Instances
// run side by side. Instances made by share() hold the same variables: calls that only read them
// run side by side, calls that update them, load and set exclude all others for as long as they
// last.
//
// Ownership. The caller owns every buffer it passes and may release it when the call returns.
// Strings and structures that are reached through a graphrt_model are constants of the compiled
// definition and live as long as its code.
//
// Data is dense, row-major, in the machine's byte order, and needs no alignment.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(GRAPHRT_STATIC)
#define GRAPHRT_API
#elif defined(__GNUC__)
#define GRAPHRT_API __attribute__((visibility("default")))
#else
#define GRAPHRT_API
#endif

typedef enum graphrt_status {
  GRAPHRT_OK = 0,
  GRAPHRT_INVALID_ARGUMENT = 1, // a null pointer, an unknown index or name, a bad configuration
  GRAPHRT_OUT_OF_MEMORY = 2,    // the allocator gave nothing
  GRAPHRT_BAD_SHAPE = 3,        // a dimension negative or unfit for another; a size that overflows
  GRAPHRT_OUT_OF_RANGE = 4,     // a value that the operation refuses: an index, a zero divisor
  GRAPHRT_IO_ERROR = 5,         // a file that cannot be opened, read, written or renamed
  GRAPHRT_BAD_CHECKPOINT = 6,   // a checkpoint that is malformed or does not fit the definition
  GRAPHRT_FROZEN = 7,           // load or set of variables that were compiled in as constants
  GRAPHRT_BUSY = 8,             // another thread is inside a call on this instance
  GRAPHRT_UNSUPPORTED = 9,      // this processor or runtime cannot run the compiled definition
  GRAPHRT_INTERNAL = 10         // generated code reported a failure that has no other name
} graphrt_status;

// Types of elements. `bool` is one byte, 0 or 1.
typedef enum graphrt_dtype {
  GRAPHRT_FLOAT16 = 1,
  GRAPHRT_BFLOAT16 = 2,
  GRAPHRT_FLOAT32 = 3,
  GRAPHRT_FLOAT64 = 4,
  GRAPHRT_INT8 = 5,
  GRAPHRT_INT16 = 6,
  GRAPHRT_INT32 = 7,
  GRAPHRT_INT64 = 8,
  GRAPHRT_UINT8 = 9,
  GRAPHRT_UINT16 = 10,
  GRAPHRT_UINT32 = 11,
  GRAPHRT_UINT64 = 12,
  GRAPHRT_BOOL = 13
} graphrt_dtype;

// One instance of a compiled definition: its variables (perhaps shared) and its workspace.
typedef struct graphrt_instance graphrt_instance;

// Gives `size` bytes (never 0) aligned to `alignment` (a power of two, at most 64), or NULL. May be
// called from any thread that calls into the runtime, never from the runtime's own workers.
typedef void *(*graphrt_allocate_fn)(void *user, size_t size, size_t alignment);
// Takes back what allocate gave, with the same size.
typedef void (*graphrt_release_fn)(void *user, void *block, size_t size);

// Runs lane(argument, i) exactly once for every i in [0, lanes), at once or one after another, on
// any threads, and returns when all have returned. Lanes share out the work among themselves, so a
// lane that starts late finds little left to do, and running only some of them at once is right
// too.
typedef void (*graphrt_parallel_fn)(void *user, int32_t lanes,
                                    void (*lane)(void *argument, int32_t index), void *argument);

// Told of every failure, on the thread that called, just before the status is returned.
typedef void (*graphrt_error_fn)(void *user, graphrt_status status, const char *message);

enum {
  // Use a checkpoint's pages where they lie instead of copying them: create() and load() then take
  // no time and no memory for what is not used, and processes that map the same file share its
  // pages. What an instance changes becomes its own and never reaches the file. Another program
  // must not shorten the file meanwhile, nor write into it: save() does not, it replaces files.
  // Without effect where the system cannot map files.
  GRAPHRT_MAP_CHECKPOINT = 1
};

// What create() may be given. Set all of it to zero, then struct_size, then what is wanted:
//   graphrt_config config = {.struct_size = sizeof config, .seed = 42};
// The structure is copied; strings in it need to live only until create() returns.
typedef struct graphrt_config {
  size_t struct_size;     // sizeof(graphrt_config) as the caller was compiled
  const char *checkpoint; // a safetensors file to load in place of the initializers, or NULL
  uint64_t seed;          // of all random numbers; 0: the definition's own, or the checkpoint's
  int32_t threads;        // of one call, the caller's included; 0: one per processor allowed
  uint32_t flags;         // GRAPHRT_MAP_CHECKPOINT or 0
  graphrt_allocate_fn allocate; // NULL: the C library's; both or neither
  graphrt_release_fn release;
  void *allocator_user;
  graphrt_parallel_fn parallel; // NULL: the runtime's own pool
  void *parallel_user;
  graphrt_error_fn on_error; // may be NULL
  void *error_user;
} graphrt_config;

// Dimensions in descriptions: a number from 0 up is known when compiled; -1 - k is the export's
// k-th run-time dimension; GRAPHRT_DIM_COMPUTED is a function of the run-time dimensions, which
// shapes() evaluates.
#define GRAPHRT_DIM_COMPUTED INT64_MIN

typedef struct graphrt_tensor_info {
  const char *name;
  int32_t dtype; // graphrt_dtype
  int32_t rank;
  const int64_t *dims; // [rank]; may be NULL where rank is 0
} graphrt_tensor_info;

enum {
  GRAPHRT_VARIABLE_TRAINABLE = 1,
  GRAPHRT_VARIABLE_SLOT = 2,  // belongs to an optimizer; a checkpoint may lack it
  GRAPHRT_VARIABLE_FROZEN = 4 // compiled in as a constant: load and set refuse
};

typedef struct graphrt_variable_info {
  const char *name; // under which the definition shares it
  const char *op;   // its place in the graph, under which a checkpoint holds it
  int32_t dtype;    // graphrt_dtype
  int32_t rank;
  const int64_t *dims; // [rank]
  const char *whole;   // of a part of a partitioned variable: the whole's name, else NULL
  uint32_t flags;      // GRAPHRT_VARIABLE_…
  uint32_t reserved;
} graphrt_variable_info;

enum {
  GRAPHRT_EXPORT_UPDATES = 1, // changes variables
  GRAPHRT_EXPORT_RANDOM = 2   // draws random numbers
};

typedef struct graphrt_export_info {
  const char *name;
  const char *const *dim_names; // [dim_count], in the order in which a call takes them
  const graphrt_tensor_info *inputs;
  const graphrt_tensor_info *outputs;
  const int32_t *updates; // [update_count]: the variables that a call changes
  int32_t dim_count;
  int32_t input_count;
  int32_t output_count;
  int32_t update_count;
  uint32_t flags; // GRAPHRT_EXPORT_…
  uint32_t reserved;
} graphrt_export_info;

// A compiled definition, complete enough to be used without its header. The functions behave as the
// graphrt_… functions of the same names below.
typedef struct graphrt_model graphrt_model;
struct graphrt_model {
  uint64_t struct_size; // sizeof(graphrt_model) as the definition was compiled
  const char *name;
  const char *producer; // the compiler and its version
  const graphrt_variable_info *variables;
  const graphrt_export_info *exports;
  int32_t variable_count;
  int32_t export_count;
  // Makes an instance and runs the initializers, or loads config->checkpoint instead. `config` may
  // be NULL.
  graphrt_status (*create)(const graphrt_config *config, graphrt_instance **out);
  graphrt_status (*share)(graphrt_instance *source, graphrt_instance **out);
  void (*destroy)(graphrt_instance *instance);
  graphrt_status (*load)(graphrt_instance *instance, const char *path);
  graphrt_status (*save)(const graphrt_instance *instance, const char *path);
  graphrt_status (*call)(graphrt_instance *instance, int32_t export_index, const int64_t *dims,
                         const void *const *inputs, void *const *outputs);
  graphrt_status (*shapes)(const graphrt_model *model, int32_t export_index, const int64_t *dims,
                           int64_t *out);
  graphrt_status (*get)(const graphrt_instance *instance, const char *name, void *data,
                        size_t bytes);
  graphrt_status (*set)(graphrt_instance *instance, const char *name, const void *data,
                        size_t bytes);
};

// What the last call on this thread had to say: why it failed, or, after a load that succeeded, how
// many tensors of the file were not used. Empty if nothing. Never NULL; valid until the thread's
// next call into the runtime.
GRAPHRT_API const char *graphrt_message(void);

// The status's name, such as "out of memory"; never NULL.
GRAPHRT_API const char *graphrt_status_name(graphrt_status status);

// The runtime's version, such as "1.0.0".
GRAPHRT_API const char *graphrt_version(void);

// The size of one element in bytes; 0 if `dtype` is none of graphrt_dtype. Its name as in
// definitions ("float32"); NULL likewise.
GRAPHRT_API size_t graphrt_dtype_size(int32_t dtype);
GRAPHRT_API const char *graphrt_dtype_name(int32_t dtype);

// The index of an export or variable by its name, or -1. A variable is found by its name, then by
// its `op`.
GRAPHRT_API int32_t graphrt_find_export(const graphrt_model *model, const char *name);
GRAPHRT_API int32_t graphrt_find_variable(const graphrt_model *model, const char *name);

// Makes a second instance over the same variables, with a workspace, threads and a stream of random
// numbers of its own, configured as `source` was. Instances are destroyed in any order; the last
// one releases the variables. May run while other instances over the variables are in use; `source`
// itself counts as in use. Errors: INVALID_ARGUMENT (a null pointer), OUT_OF_MEMORY, BUSY. On
// failure *out is NULL.
GRAPHRT_API graphrt_status graphrt_share(graphrt_instance *source, graphrt_instance **out);

// Ends an instance. NULL is allowed. No call on it may be under way.
GRAPHRT_API void graphrt_destroy(graphrt_instance *instance);

// Replaces the variables' values by those of a safetensors file, all or none, and takes over its
// seed and counter. Every variable must be there, under its place in the graph, with its shape and
// dtype; an optimizer's slots may be absent and keep their values; tensors that belong to no
// variable are ignored and counted in graphrt_message(). Errors: INVALID_ARGUMENT, OUT_OF_MEMORY,
// IO_ERROR, BAD_CHECKPOINT (the message names the tensor), FROZEN, BUSY.
GRAPHRT_API graphrt_status graphrt_load(graphrt_instance *instance, const char *path);

// Writes all variables, the seed and the counter to a safetensors file: first beside it under
// another name, then renamed, so that `path` holds either all of it or what it held before. The
// same values give the same bytes. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, IO_ERROR, BUSY.
GRAPHRT_API graphrt_status graphrt_save(const graphrt_instance *instance, const char *path);

// Calls an export. `dims` holds its run-time dimensions (may be NULL if it has none), `inputs` and
// `outputs` one buffer for each, in the export's order; a buffer of no elements may be NULL.
// Outputs must not overlap inputs or each other. Allocates only if this call's workspace is larger
// than that of all calls before. Errors: INVALID_ARGUMENT, BAD_SHAPE, OUT_OF_RANGE, OUT_OF_MEMORY,
// BUSY, INTERNAL.
GRAPHRT_API graphrt_status graphrt_call_export(graphrt_instance *instance, int32_t export_index,
                                               const int64_t *dims, const void *const *inputs,
                                               void *const *outputs);

// Writes the outputs' dimensions for the given run-time dimensions, one output after another, as
// many numbers as their ranks add up to; `out` may be NULL if that is none. Needs no instance; safe
// from any thread. Errors: INVALID_ARGUMENT, BAD_SHAPE.
GRAPHRT_API graphrt_status graphrt_shapes(const graphrt_model *model, int32_t export_index,
                                          const int64_t *dims, int64_t *out);

// Copies a variable out or in, by its name or its `op`, or a whole partitioned variable by the
// whole's name. `bytes` must be exactly its size. Errors: INVALID_ARGUMENT (no such variable,
// another size), BUSY; set also FROZEN.
GRAPHRT_API graphrt_status graphrt_get(const graphrt_instance *instance, const char *name,
                                       void *data, size_t bytes);
GRAPHRT_API graphrt_status graphrt_set(graphrt_instance *instance, const char *name,
                                       const void *data, size_t bytes);

// The description that the instance was made from; NULL for NULL.
GRAPHRT_API const graphrt_model *graphrt_instance_model(const graphrt_instance *instance);

// Processor levels: the baseline, which every processor of an architecture has; those of the x86-64
// psABI, of which each has what those before it have; AArch64's SVE with vectors of just so many
// bits.
enum {
  GRAPHRT_CPU_BASELINE = 0,
  GRAPHRT_CPU_X86_64_V3 = 3,
  GRAPHRT_CPU_X86_64_V4 = 4,
  GRAPHRT_CPU_AARCH64_SVE256 = 256,
  GRAPHRT_CPU_AARCH64_SVE512 = 512
};

typedef struct graphrt_instance_info {
  size_t struct_size;       // set by the caller
  int32_t cpu;              // level of the code that was chosen (GRAPHRT_CPU_…)
  int32_t threads;          // that a call may use
  uint64_t seed;            // of the random numbers
  uint64_t counter;         // the number of the next call that draws
  uint64_t workspace_bytes; // held now
  uint64_t variable_bytes;  // of the variables, wherever they lie
} graphrt_instance_info;

// Fills in *out. Errors: INVALID_ARGUMENT, BUSY.
GRAPHRT_API graphrt_status graphrt_get_info(const graphrt_instance *instance,
                                            graphrt_instance_info *out);

// Sets the seed and the counter of this instance's random numbers. Errors: INVALID_ARGUMENT, BUSY.
GRAPHRT_API graphrt_status graphrt_set_random(graphrt_instance *instance, uint64_t seed,
                                              uint64_t counter);

#ifdef __cplusplus
}
#endif
