"""Trains on a small part of the images, then evaluates the checkpoint in a fresh process: the same
accuracy, and one that chance does not reach; pictures that can be read; errors that are said."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

LEAST = 55.0  # per cent, after one epoch over 2000 images; chance is 10


def run(program, *arguments, status=0):
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    print(result.stdout + result.stderr, end="")
    if result.returncode != status:
        sys.exit(f"{program} {' '.join(arguments)}: exit status {result.returncode}, not {status}")
    return result.stdout + result.stderr


def accuracy(output):
    return re.search(r"^accuracy ([0-9.]+) % on 2010 test images$", output, re.M).group(1)


def elements(path, tag):
    return len(xml.parse(path).getroot().findall(".//{http://www.w3.org/2000/svg}" + tag))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    with tempfile.TemporaryDirectory() as folder:
        # 2010 images in batches of 64: the last one is smaller.
        output = run(program, "--images", "2010", "--epochs", "1", "--out", folder)
        checkpoint = os.path.join(folder, "lenet.safetensors")
        trained = accuracy(output)
        loaded = accuracy(run(program, "--eval-only", checkpoint, "--images", "2010"))
        if "accuracy" not in output or "\r" in output:
            sys.exit("progress is not one line for an epoch")
        if elements(os.path.join(folder, "curve.svg"), "polyline") != 4:
            sys.exit("the learning curve does not show four lines")
        if elements(os.path.join(folder, "mistaken.svg"), "image") != 40:
            sys.exit("not forty images that were taken for something else")
        again = os.path.join(folder, "again")
        run(program, "--images", "2010", "--epochs", "1", "--out", again)
        with open(checkpoint, "rb") as first:
            with open(os.path.join(again, "lenet.safetensors"), "rb") as second:
                same = first.read() == second.read()
        run(program, "--data", folder, status=1)
        run(program, "--nonsense", status=2)
    if trained != loaded:
        sys.exit(f"trained: {trained} %, but the checkpoint gives {loaded} %")
    if not same:
        sys.exit("two runs gave different checkpoints")
    if float(trained) < LEAST:
        sys.exit(f"only {trained} %")


if __name__ == "__main__":
    main()
