// A definition as the compiler would generate it, written by hand.
//
//   w       [3, 2] float32, normal(0, 1)           w/Adam  [3, 2] float32, slot, 0.125
//   b       [2] float32, 0.5; its op is b_1        step    int64 scalar, 0
//   emb     [3, 3] float32, in parts of 2 and 1 rows, 0 … 8
//   col     [2, 3] int32, in parts of 1 and 2 columns, 0 … 5
#pragma once

#include "graphrt/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SAMPLE_PREDICT, // (x [batch, 3]) -> (y [batch, 2]): x·w + b, from a packed copy of w
  SAMPLE_TRAIN,  // (x [batch, 3]) -> (): w += mean of the rows of x, w/Adam = that mean, step += 1;
                 // fails if x holds a negative number
  SAMPLE_NOISE,  // (n) -> (u [n] uniform, v [2n] normal)
  SAMPLE_LOOKUP, // (indices [n] int32) -> (rows [n, 3] of emb)
  SAMPLE_ADD,    // (x [n], y [m]) -> (z [n]): n must be m
  SAMPLE_SUMS,   // (x [n]) -> (s [1]): by pieces of 100, each through its lane's scratch
  SAMPLE_STEP,   // () -> (step [])
  SAMPLE_EXPORTS
};

extern const graphrt_model_desc sample_desc;        // all of it
extern const graphrt_model_desc sample_frozen_desc; // b is a constant, {7, 8}

graphrt_status sample_create(const graphrt_config *config, graphrt_instance **out);

// How often the packed copy of w was made, in this process.
int64_t sample_packings(void);
// While not null: called by the body of predict, inside the lock.
extern void (*sample_in_predict)(void);

#ifdef __cplusplus
}
#endif
