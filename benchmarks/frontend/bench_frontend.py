#!/usr/bin/env python3
"""Measures the front end as a whole process: `graphc check` on generated definitions.

    bench_frontend.py --graphc PATH [--lines N,N,…] [--runs R]

For each size, the median and best of R runs, in CPU time (user and system) and so in lines a second;
beside it Python's own `ast.parse` of the same text, which knows nothing of names, shapes or scopes, in
the same run and by turns. Then the start of the tool: a definition of ten lines.
"""

import argparse
import ast
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

SMALL = """\
def layer(x, units):
    w = get_variable("w", [x.shape[1], units])
    b = get_variable("b", [units], initializer=zeros_initializer())
    return matmul(x, w) + b

x = placeholder(float32, [None, 4], name="x")
with variable_scope("layer"):
    y = relu(layer(x, 2))
assert y.shape[1] == 2
export predict(x=x) -> (y=y)
"""


def cpu_of(command):
    """CPU seconds and wall seconds of a process that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def python_parse(text):
    # What Python has no statement for is left out: its parser stops at the first error.
    lines = [l for l in text.split("\n") if not l.startswith(("param ", "export "))]
    body = "\n".join(lines)
    began = time.process_time()
    ast.parse(body)
    return time.process_time() - began


def row(name, lines, seconds):
    median, best = statistics.median(seconds), min(seconds)
    print(f"{name:24} {lines:9,} lines  median {median:7.3f} s  best {best:7.3f} s  "
          f"{lines / median:10,.0f} lines/s (best {lines / best:,.0f})")
    return median


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--lines", default="10000,100000,1000000")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, options.lines.split(",")):
            path = os.path.join(folder, f"{count}.graph")
            text = subprocess.run([sys.executable, HERE / "generate.py", str(count)], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            lines = text.count("\n")
            check, parse = [], []
            for _ in range(options.runs):
                check.append(cpu_of([options.graphc, "check", path])[0])
                if count <= 100_000:
                    parse.append(python_parse(text))
            mine = row("graphc check", lines, check)
            if parse:
                theirs = row("Python's ast.parse", lines, parse)
                print(f"{'':24} ast.parse takes {theirs / mine:.2f} times as long")
        small = os.path.join(folder, "small.graph")
        with open(small, "w", encoding="utf-8") as out:
            out.write(SMALL)
        starts = [cpu_of([options.graphc, "check", small]) for _ in range(4 * options.runs)]
        print(f"start (ten lines): CPU median {statistics.median(s[0] for s in starts) * 1000:.1f} ms, "
              f"wall median {statistics.median(s[1] for s in starts) * 1000:.1f} ms, "
              f"best {min(s[1] for s in starts) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
