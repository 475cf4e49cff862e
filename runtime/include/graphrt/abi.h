// What generated code is built from and what it calls. Not for programs: those use graphrt.h and
// the header that the compiler wrote for their definition.
//
// A generated module holds one constant `graphrt_model_desc` and functions; every other thing that
// an instance does (creating, sharing, locks, checking dimensions, the workspace, random streams,
// checkpoints) is the runtime's. Each generated entry point is a thin wrapper:
//
//   lenet_create(config, out)           → graphrt_create(&desc, config, out)
//   lenet_share, _destroy, _load, _save → graphrt_share, _destroy, _load, _save
//   lenet_predict(m, dims…, in…, out…)  → packs arrays,
//                                         graphrt_call_export(m, index, dims, inputs, outputs)
//   lenet_predict_shapes(dims…, out)    → packs dims, graphrt_shapes(&desc.model, index, dims, out)
//   lenet_model()                       → &desc.model
//
// (`lenet *` is a `graphrt_instance *` under another name.)
//
// All structures have a fixed layout: members are naturally aligned and fill it without padding on
// 64-bit machines; on 32-bit ones pointers are narrower, all else is as wide, and numbers of 64
// bits lie at multiples of 8 (checked in runtime/src/abi_check.c). A change of any of them, or of
// what a function below means, changes the number in graphrt_interface_1: every description points
// to that symbol, so code and runtime that do not fit each other do not link.
#pragma once

#include "graphrt/graphrt.h"

#ifdef __cplusplus
extern "C" {
#endif

GRAPHRT_API extern const int32_t graphrt_interface_1;

enum { GRAPHRT_ALIGNMENT = 64 };

// ---- One call ----

// What a body is given. Members are read-only to generated code.
typedef struct graphrt_call {
  uint8_t *const *variables;  // [variable_count]: where each one lies; of any alignment
  uint8_t *workspace;         // 64-byte aligned, as large as the export's code asked for
  const uint8_t *packed;      // 64-byte aligned; pack k is at packs[k].offset, up to date
  const int64_t *dims;        // [dim_count], checked
  const void *const *inputs;  // [input_count], of any alignment; NULL only where empty
  void *const *outputs;       // [output_count], likewise
  graphrt_instance *instance; // for the functions below
  uint64_t seed;              // of random numbers
  uint64_t stream;            // the instance's number among those that share its variables
  uint64_t counter;           // the call's number; 0 while the initializers run, from 1 in exports
  int32_t status;  // set by graphrt_fail…; 0 while all is well. Read it with graphrt_call_status
  int32_t threads; // lanes that graphrt_parallel uses at most
} graphrt_call;

// Runs the operations. Returns 0, or a graphrt_status after graphrt_fail… It must not change
// variables if `commit` is given, nor before it is certain to succeed otherwise.
typedef int32_t (*graphrt_body_fn)(graphrt_call *call);

// Writes the updated variables, from the workspace. Runs after the body succeeded, under the same
// lock; cannot fail.
typedef void (*graphrt_commit_fn)(graphrt_call *call);

// The bytes of workspace for these dimensions (which `check` has accepted), or -1 if that
// overflows.
typedef int64_t (*graphrt_workspace_fn)(const int64_t *dims);

// -1 if the dimensions fit (all are known to be >= 0), else the index of the constraint that does
// not hold. Must not overflow: a size that does is a constraint of its own.
typedef int64_t (*graphrt_check_fn)(const int64_t *dims);

// Writes all outputs' dimensions, one output after another. The dimensions are checked.
typedef void (*graphrt_shapes_fn)(const int64_t *dims, int64_t *out);

// Writes a packed copy of one or several variables, which it finds in call->variables. Cannot fail;
// may use graphrt_parallel. It has no workspace.
typedef void (*graphrt_pack_fn)(graphrt_call *call, uint8_t *destination);

// ---- The description ----

// Where a variable lies; beside its graphrt_variable_info, same index.
typedef struct graphrt_variable_place {
  int64_t offset;            // in one block of all variables, a multiple of 64; unused if frozen
  const void *frozen;        // the constant's bytes, or NULL
  const int64_t *whole_dims; // of a part: the whole's dimensions (same rank), else NULL
  int64_t part_axis;         // of a part: along which it was cut
  int64_t part_begin;        // of a part: its first index along that axis
} graphrt_variable_place;

// A packed copy of variables that is kept from call to call and remade when one of them has
// changed.
typedef struct graphrt_pack {
  int64_t offset; // in the packed area, a multiple of 64
  int64_t bytes;
  const int32_t *variables; // [variable_count]
  int64_t variable_count;
  graphrt_pack_fn pack;
} graphrt_pack;

// One export's code for one processor.
typedef struct graphrt_export_code {
  graphrt_body_fn body;
  graphrt_commit_fn commit;       // may be NULL
  graphrt_workspace_fn workspace; // NULL: workspace_bytes says it
  int64_t workspace_bytes;
  int64_t lane_bytes; // scratch memory of each lane of graphrt_parallel, 64-byte aligned; may be 0
  const int32_t *packs; // [pack_count]: those that the body reads
  int64_t pack_count;
} graphrt_export_code;

// The code for one level of processor. create() takes the last variant that the processor runs.
typedef struct graphrt_variant {
  int32_t cpu; // GRAPHRT_CPU_…
  int32_t pack_count;
  const graphrt_pack *packs;
  int64_t packed_bytes;               // of the whole packed area
  const graphrt_export_code *exports; // [export_count]
  const graphrt_export_code *init;    // the initializers; writes call->variables. NULL: all zero
} graphrt_variant;

// What the checking of one export's dimensions needs; beside its graphrt_export_info, same index.
typedef struct graphrt_export_check {
  graphrt_check_fn check;         // NULL: any dimensions >= 0 fit
  graphrt_shapes_fn shapes;       // NULL: no output has a computed dimension
  const char *const *constraints; // what does not hold, by index; the values are added to it
  int64_t constraint_count;
} graphrt_export_check;

typedef struct graphrt_model_desc {
  graphrt_model model;      // first: a graphrt_model * is a graphrt_model_desc *
  const int32_t *interface; // &graphrt_interface_1
  const graphrt_variable_place *places;
  const graphrt_export_check *checks;
  const graphrt_variant *variants; // [variant_count], lowest level first
  int64_t variant_count;
  int64_t variable_bytes; // of a block of all variables
  uint64_t seed;          // the definition's own, used if the configuration gives none
} graphrt_model_desc;

// Makes an instance. Errors: those of create() and load() in graphrt.h, and UNSUPPORTED.
GRAPHRT_API graphrt_status graphrt_create(const graphrt_model_desc *desc,
                                          const graphrt_config *config, graphrt_instance **out);

// ---- What bodies call ----

// Runs fn(context, begin, end, scratch) for [0, n) in pieces of `grain` indices: begin is a
// multiple of grain, end is min(begin + grain, n). The pieces are always the same, whatever the
// number of threads; only their order and the thread they run on differ, so what is computed per
// piece does not depend on it. `scratch` is the lane's own memory of lane_bytes (NULL if 0). A call
// from inside a piece runs inline, with the same scratch. n <= 0 does nothing; grain must be >= 1.
typedef void (*graphrt_piece_fn)(void *context, int64_t begin, int64_t end, void *scratch);
GRAPHRT_API void graphrt_parallel(graphrt_call *call, graphrt_piece_fn fn, void *context, int64_t n,
                                  int64_t grain);

// Reports that the call fails. From any lane; of several reports the one with the lowest `position`
// stays, so that the message does not depend on threads. Both return `status`, for `return
// graphrt_fail(…)`. The text is copied.
GRAPHRT_API int32_t graphrt_fail(graphrt_call *call, int32_t status, int64_t position,
                                 const char *message);
// "OP: indices[POSITION] = INDEX is not in [0, LIMIT)", with GRAPHRT_OUT_OF_RANGE.
GRAPHRT_API int32_t graphrt_fail_index(graphrt_call *call, const char *op, int64_t position,
                                       int64_t index, int64_t limit);
// call->status, safely while lanes may be writing it. A body that updates variables without a
// commit function asks before it writes them.
GRAPHRT_API int32_t graphrt_call_status(const graphrt_call *call);

// Random numbers (Philox 4x32-10). `op` tells apart the operations that draw: each has its own
// number, or the `seed=` it was given. A number depends on seed, stream, op, counter and its index
// alone.
enum {
  GRAPHRT_RANDOM_UNIFORM = 0, // a <= x < b; floating types
  GRAPHRT_RANDOM_NORMAL = 1,  // mean a, standard deviation b; floating types
  GRAPHRT_RANDOM_TRUNCATED_NORMAL =
      2 // likewise, redrawn where two standard deviations or more from the mean
};
GRAPHRT_API void graphrt_random(graphrt_call *call, uint64_t op, int32_t kind, int32_t dtype,
                                void *out, int64_t n, double a, double b);
// low <= x < high (as int64; as uint64 for GRAPHRT_UINT64), any integer type; GRAPHRT_BOOL: fair
// coins. An empty range gives `low`.
GRAPHRT_API void graphrt_random_int(graphrt_call *call, uint64_t op, int32_t dtype, void *out,
                                    int64_t n, int64_t low, int64_t high);

// The same numbers outside a call, for interpreters and tests: elements [begin, begin + n) of the
// sequence.
typedef struct graphrt_random_state {
  uint64_t seed, stream, op, counter;
} graphrt_random_state;
GRAPHRT_API void graphrt_random_at(const graphrt_random_state *state, int32_t kind, int32_t dtype,
                                   void *out, int64_t begin, int64_t n, double a, double b);
GRAPHRT_API void graphrt_random_int_at(const graphrt_random_state *state, int32_t dtype, void *out,
                                       int64_t begin, int64_t n, int64_t low, int64_t high);

// One block of Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011).
GRAPHRT_API void graphrt_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// Conversions of the 16-bit types, rounding to nearest, ties to even; NaN stays NaN. By bits, so
// that no processor support or compiler library is needed.
GRAPHRT_API float graphrt_f16_to_f32(uint16_t bits);
GRAPHRT_API uint16_t graphrt_f32_to_f16(float value);
GRAPHRT_API uint16_t graphrt_f64_to_f16(double value);
GRAPHRT_API float graphrt_bf16_to_f32(uint16_t bits);
GRAPHRT_API uint16_t graphrt_f32_to_bf16(float value);

// ---- Linking in memory ----

// Every symbol that generated code may refer to in the runtime, with its address, for linkers that
// work in memory. Ends with a NULL name.
typedef struct graphrt_symbol {
  const char *name;
  void *address;
} graphrt_symbol;
GRAPHRT_API const graphrt_symbol *graphrt_symbols(void);

#ifdef __cplusplus
}
#endif
