#!/usr/bin/env python3
"""Measures `graphc lint` as a whole process, beside `graphc check` of the same text, by turns.

    bench_lint.py --graphc PATH [--runs R]

Definitions of about 10,000, 20,000 and 40,000 lines with 50 imports: the median of R runs in CPU time
(user and system), and how it grows. Then 1,000 small files in one call, CPU and wall time.
"""

import argparse
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

BLOCK = '''

def block_{k}(x, units, name):
    with variable_scope(name):
        w = get_variable("weights", [units, units], initializer=zeros_initializer())
        b = get_variable("biases", [units], initializer=zeros_initializer())
        return relu(matmul(x, w) + b)
'''
SMALL = '''x = placeholder(float32, [None, 4], name="x")
with variable_scope("layer"):
    w = get_variable("w", [4, 4])
    b = get_variable("b", [4])
y = relu(matmul(x, w) + b)
export run(x=x) -> (y=y)
'''


def large(folder, blocks, calls):
    """Writes a definition and its 50 imports; how many lines they have."""
    lines = 0
    for i in range(50):
        text = "".join(BLOCK.format(k=k) for k in range(blocks))
        (folder / f"m{i}.graph").write_text(text)
        lines += text.count("\n")
    main = [f'import "m{i}.graph" as m{i}' for i in range(50)]
    main.append('x = placeholder(float32, [None, 4], name="x")')
    before = "x"
    for n in range(calls):
        main.append(f'h{n} = m{n % 50}.block_{n % blocks}({before}, 4, "layer{n}")')
        before = f"h{n}"
    main.append(f"export run(x=x) -> (y={before})")
    (folder / "main.graph").write_text("\n".join(main) + "\n")
    return lines + len(main)


def timed(command, folder):
    """(CPU seconds, wall seconds)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    graphc = str(pathlib.Path(options.graphc).resolve())
    lint = [graphc, "lint", "--fail-on=error"]
    for blocks, calls in ((20, 2000), (40, 4000), (80, 8000)):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            lines = large(folder, blocks, calls)
            runs = [(timed([*lint, "main.graph"], folder)[0],
                     timed([graphc, "check", "main.graph"], folder)[0])
                    for _ in range(options.runs)]
            linted, checked = (statistics.median(column) for column in zip(*runs))
            print(f"{lines:7,} lines, 50 imports: lint {linted:.3f} s, check {checked:.3f} s, "
                  f"lint {1e6 * linted / lines:.1f} us a line")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for i in range(1000):
            (folder / f"f{i}.graph").write_text(SMALL)
        runs = [timed([*lint, "."], folder) for _ in range(options.runs)]
        cpu, wall = (statistics.median(column) for column in zip(*runs))
        print(f"1,000 files of {SMALL.count(chr(10))} lines: {cpu:.2f} s of CPU, {wall:.2f} s")


main()
