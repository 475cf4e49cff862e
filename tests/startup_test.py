#!/usr/bin/env python3
"""Checks how long `graphc check` of a ten-line definition takes, that LLVM stays out of it, and that
no library is looked for in the folder that the tool runs in.

    startup_test.py --graphc PATH [--limit SECONDS]

Time is that of the processor, the least of many runs. What is aimed at is 10 ms on a quiet
machine; the limit here leaves room for one that is at work.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

DEFINITION = """\
param units = 10
x = placeholder(float32, [None, 784], name="x")
def dense(x, units):
    w = get_variable("w", [x.shape[1], units])
    b = get_variable("b", [units], initializer=zeros_initializer())
    return matmul(x, w) + b
with variable_scope("layer"):
    y = dense(x, units)
assert len(trainable_variables()) == 2
export predict(x=x) -> (y=softmax(y))
"""


def seconds(command):
    """Processor time of one run, in user and kernel mode."""
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        sys.exit("FAIL %s ends with status %d" % (" ".join(command), status))
    return usage.ru_utime + usage.ru_stime


def loading(command):
    """What the dynamic linker says of one run."""
    return subprocess.run(command, capture_output=True, text=True,
                          env=dict(os.environ, LD_DEBUG="libs")).stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--limit", type=float, default=0.020)
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    failed = []
    with tempfile.NamedTemporaryFile(suffix=".graph", mode="w") as f:
        f.write(DEFINITION)
        f.flush()
        least = min(seconds([options.graphc, "check", f.name]) for _ in range(options.runs))
        print("check of ten lines: %.1f ms of the processor" % (least * 1e3))
        if least > options.limit:
            failed.append("more than %.0f ms" % (options.limit * 1e3))
        checking = loading([options.graphc, "check", f.name])
        if "LLVM" in checking or "libgraphc" not in checking:
            failed.append("LLVM is loaded, or the check of that sees nothing")
        generating = loading([options.graphc, "build", "--emit=llvm-ir", "-o", os.devnull, f.name])
        tried = re.findall(r"trying file=(.*)", checking + generating)
        if not any("LLVM" in file for file in tried):
            failed.append("LLVM is not loaded where code is generated")
        relative = [file for file in tried if not file.startswith("/")]
        if relative:
            failed.append("libraries are looked for in the folder at hand: %s …" % relative[0])
    for problem in failed:
        print("FAIL", problem)
    print("startup: %d passed, %d failed" % (4 - len(failed), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
