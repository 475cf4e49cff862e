#!/usr/bin/env python3
"""A training step at batch 64, compiled by graphc and as PyTorch runs it.

    bench_training.py [--step PATH] [--python PATH] [--models NAME ...] [--threads N ...]
                      [--rounds R]

Both begin with the same numbers and see the same batches; the first losses are compared. Then they
run by turns, R rounds of about 0.15 s each, in processes of their own of which only one runs at a
time. Printed are the medians and minima of the rounds by the clock, the median of the processors'
time (which counts all threads, and says more where other programs run beside), the ratios of each,
and the largest memory that each process has held: with all that it brings, as training takes that.
"""

import argparse
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile

BATCH, PIXELS, CLASSES = 64, 784, 10
AIMS = {"mlp": 1.7, "lenet": 2.5}


class Worker:
    """A process that runs steps when asked to."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.times = []  # seconds of a step by the clock, a number a round
        self.used = []  # and of processors
        self.steps = 1

    def ask(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            sys.exit(f"bench_training: {self.name} ended with status {self.process.wait()}")
        return answer.strip()

    def losses(self, count):
        return [float(word) for word in self.ask(f"losses {count}").split()]

    def run(self, steps):
        clock, used = self.ask(f"run {steps}").split()
        self.times.append(float(clock) / steps)
        self.used.append(float(used) / steps)

    def peak(self):
        """MB"""
        return int(self.ask("peak")) / 1024

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def write_batches(path, count):
    """Images that can be told apart: a pattern a class, and noise."""
    numbers = random.Random(1)
    patterns = [[numbers.random() for _ in range(PIXELS)] for _ in range(CLASSES)]
    with open(path, "wb") as file:
        for _ in range(count):
            labels = [numbers.randrange(CLASSES) for _ in range(BATCH)]
            for label in labels:
                file.write(struct.pack(f"<{PIXELS}f", *(0.5 * p + 0.5 * numbers.random()
                                                        for p in patterns[label])))
            file.write(struct.pack(f"<{BATCH}i", *labels))


def compare_losses(ours, theirs):
    """That both learn alike: float32 adds up in another order, so not to the last digit."""
    a, b = ours.losses(40), theirs.losses(40)
    apart = max(abs(x - y) for x, y in zip(a, b))
    alike = apart < 0.02 * a[0] and max(a[-1], b[-1]) < 0.8 * a[0]
    print(f"  losses of 40 steps: {a[0]:.4f} to {a[-1]:.4f}, PyTorch's {b[0]:.4f} to {b[-1]:.4f}, "
          f"at most {apart:.1e} apart" + ("" if alike else ": NOT ALIKE"))
    return alike


def measure(model, threads, options, folder):
    data, variables = folder / "batches", folder / f"{model}.safetensors"
    step = str(pathlib.Path(options.step).resolve())
    ours = Worker("graphc", [step, model, str(threads), data])
    ours.ask(f"save {variables}")
    theirs = Worker("PyTorch", [options.python, pathlib.Path(__file__).parent / "torch_step.py",
                                model, str(threads), data, variables])
    print(f"{model}, batch {BATCH}, {threads} thread{'s' if threads > 1 else ''}")
    alike = compare_losses(ours, theirs)
    workers = (ours, theirs)
    for worker in workers:
        for _ in range(3):
            worker.run(5)
        worker.steps = max(1, int(0.15 / min(worker.times)))
        worker.times, worker.used = [], []
    for _ in range(options.rounds):
        for worker in workers:
            worker.run(worker.steps)
    figures = []
    for worker in workers:
        figures.append([statistics.median(worker.times), min(worker.times),
                        statistics.median(worker.used)])
        median, best, used = (1e3 * figure for figure in figures[-1])
        print(f"  {worker.name:8} median {median:7.3f} ms, best {best:7.3f} ms, of processors "
              f"{used:7.3f} ms; peak {worker.peak():5.1f} MB")
        worker.end()
    median, best, used = (b / a for a, b in zip(*figures))
    print(f"  ratio    median {median:7.2f}   , best {best:7.2f}   , of processors {used:7.2f}    "
          f"(aim {AIMS[model]})", flush=True)
    return alike


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", default="build/release/bin/training_step")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--models", nargs="+", choices=sorted(AIMS), default=["mlp", "lenet"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    if not pathlib.Path(options.step).exists():
        sys.exit(f"bench_training: {options.step} is missing; build the target training_step "
                 "(-DGRAPHC_BENCHMARKS=ON)")
    # Which BLAS PyTorch has got matters more than anything else.
    probe = subprocess.run(
        ["env", options.python, "-c", "import torch; torch.mm(torch.ones(2, 2), torch.ones(2, 2)); "
         "print(torch.__version__, *sorted({l.split()[-1] for l in open('/proc/self/maps') "
         "if 'blas' in l}))"], capture_output=True, text=True)
    if probe.returncode != 0:
        sys.exit(f"bench_training: {options.python} has no PyTorch, which this compares with; on "
                 "Debian: apt-get install python3-torch libopenblas0-pthread")
    print("PyTorch", probe.stdout.strip())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_batches(folder / "batches", 32)
        alike = [measure(model, threads, options, folder)
                 for model in options.models for threads in options.threads]
    if not all(alike):
        sys.exit("bench_training: the two do not learn alike, so their times say nothing")


main()
