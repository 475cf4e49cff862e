// Reading and writing safetensors files, without an instance. Files are read with care: whatever
// stands in them, a file that is malformed is refused with a message that names the tensor.
//
// The format: eight bytes, the header's length (little-endian); the header, JSON: for each tensor
// its dtype, shape and span in the data, and "__metadata__", strings by name; then the data, which
// the spans cover without gap or overlap.
#pragma once

#include "graphrt/graphrt.h"

#ifdef __cplusplus
extern "C" {
#endif

// An open file: its header, checked, and the file itself. Reading from several threads is safe.
typedef struct graphrt_safetensors graphrt_safetensors;

typedef struct graphrt_safetensor {
  const char *name;       // UTF-8
  const char *dtype_name; // as in the file: "F32"
  int32_t dtype;          // graphrt_dtype, or 0 for those that have none here (8 bits and less)
  int32_t rank;
  const int64_t *dims; // [rank]
  uint64_t offset;     // of its first byte in the file
  uint64_t bytes;
} graphrt_safetensor;

// Opens a file and checks its header. `config` gives the allocator and error handler; may be NULL.
// Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, IO_ERROR, BAD_CHECKPOINT. On failure *out is NULL.
GRAPHRT_API graphrt_status graphrt_safetensors_open(const char *path, const graphrt_config *config,
                                                    graphrt_safetensors **out);

// NULL is allowed. Ends the life of every pointer that the functions below gave.
GRAPHRT_API void graphrt_safetensors_close(graphrt_safetensors *file);

// The tensors, in the order of their names (by bytes); NULL if there is none.
GRAPHRT_API int64_t graphrt_safetensors_count(const graphrt_safetensors *file);
GRAPHRT_API const graphrt_safetensor *graphrt_safetensors_at(const graphrt_safetensors *file,
                                                             int64_t index);
GRAPHRT_API const graphrt_safetensor *graphrt_safetensors_find(const graphrt_safetensors *file,
                                                               const char *name);

// "__metadata__", in the order of its keys; NULL if there is none.
GRAPHRT_API int64_t graphrt_safetensors_metadata_count(const graphrt_safetensors *file);
GRAPHRT_API const char *graphrt_safetensors_metadata_at(const graphrt_safetensors *file,
                                                        int64_t index, const char **value);
GRAPHRT_API const char *graphrt_safetensors_metadata(const graphrt_safetensors *file,
                                                     const char *key);

// Reads a tensor's bytes [begin, begin + bytes) into `buffer`.
// Errors: INVALID_ARGUMENT (beyond the tensor), IO_ERROR (also when the file has become shorter).
GRAPHRT_API graphrt_status graphrt_safetensors_read(const graphrt_safetensors *file,
                                                    const graphrt_safetensor *tensor,
                                                    uint64_t begin, void *buffer, uint64_t bytes);

typedef struct graphrt_safetensor_source {
  const char *name; // UTF-8, each only once
  int32_t dtype;    // graphrt_dtype
  int32_t rank;
  const int64_t *dims; // [rank]
  const void *data;    // may be NULL if there are no elements
} graphrt_safetensor_source;

typedef struct graphrt_metadata {
  const char *key;
  const char *value;
} graphrt_metadata;

// Writes a file, whole or not at all: beside `path` under another name, then renamed. The bytes
// depend on the tensors alone, not on their order: those with larger elements come first, so that
// data is aligned; among equals by name. `config` as above.
// Errors: INVALID_ARGUMENT (a bad name, dtype or shape), OUT_OF_MEMORY, IO_ERROR.
GRAPHRT_API graphrt_status graphrt_safetensors_write(
    const char *path, const graphrt_safetensor_source *tensors, int64_t count,
    const graphrt_metadata *metadata, int64_t metadata_count, const graphrt_config *config);

// graphrt_save with further metadata in the file: where a training stands, say. "counter",
// "interface" and "seed" are the runtime's own. Errors: those of graphrt_save; INVALID_ARGUMENT
// also for keys and values that are not UTF-8, keys given twice, and the runtime's own.
GRAPHRT_API graphrt_status graphrt_save_with_metadata(const graphrt_instance *instance,
                                                      const char *path,
                                                      const graphrt_metadata *metadata,
                                                      int64_t metadata_count);

#ifdef __cplusplus
}
#endif
