"""Trains for a few epochs, then evaluates the checkpoint in a fresh process: the same accuracy, and
one that softmax regression reaches on this data."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

LEAST = 81.0  # per cent, after three epochs


def run(program, *arguments, status=0):
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    print(result.stdout + result.stderr, end="")
    if result.returncode != status:
        sys.exit(f"{program} {' '.join(arguments)}: exit status {result.returncode}, not {status}")
    return result.stdout + result.stderr


def accuracy(output):
    return re.search(r"^accuracy ([0-9.]+) % on 10000 test images$", output, re.M).group(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = os.path.join(folder, "weights.safetensors")
        trained = accuracy(run(program, "--epochs", "3", "--checkpoint", checkpoint))
        loaded = accuracy(run(program, "--eval-only", checkpoint))
        again = os.path.join(folder, "again.safetensors")
        run(program, "--epochs", "3", "--checkpoint", again)
        with open(checkpoint, "rb") as first, open(again, "rb") as second:
            same = first.read() == second.read()
        # What is wrong is said, not crashed on.
        broken = os.path.join(folder, "broken.safetensors")
        with open(broken, "wb") as out:
            out.write(b"\xff" * 100)
        refused = run(program, "--eval-only", broken, status=1)
        run(program, "--data", folder, status=1)
        run(program, "--nonsense", status=2)
    if "header is too long" not in refused:
        sys.exit("the broken checkpoint was not refused with a reason")
    if trained != loaded:
        sys.exit(f"trained: {trained} %, but the checkpoint gives {loaded} %")
    if not same:
        sys.exit("two runs gave different checkpoints")
    if float(loaded) < LEAST:
        sys.exit(f"only {loaded} %")


if __name__ == "__main__":
    main()
