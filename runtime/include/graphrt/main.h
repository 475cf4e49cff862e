// A whole program around a compiled definition, for those that need no program of their own:
//
//   #include "lenet.h"
//   #include <graphrt/main.h>
//   int main(int argc, char **argv) { return graphrt_main(lenet_model(), argc, argv); }
//
// It is what `graphc build --emit=exe` links and what tests of compiled definitions run. Its
// options are listed by --help. In a library of its own, libgraphrt_main.a.
#pragma once

#include "graphrt/graphrt.h"

#ifdef __cplusplus
extern "C" {
#endif

// Reads inputs from .npy files, calls one export, and writes or prints its outputs. Returns the
// exit status: 0 all well, 1 an output is not what --expect says, 2 wrong usage, a file that can't
// be read or written, or a call that failed. What went wrong is said on standard error.
int graphrt_main(const graphrt_model *model, int argc, char **argv);

#ifdef __cplusplus
}
#endif
