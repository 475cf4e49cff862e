"""Trains a shallow one on a small part of the images with `graphc train`: it learns, and its moving
averages serve the evaluation. The rate is low: at a higher one so few steps leave the averages behind
the weights, and what the evaluation gives is luck."""

import argparse
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LEAST = 0.5  # of the test images, chance being a tenth


def cut(source, target, count):
    """The first `count` examples of an IDX file."""
    with gzip.open(source) as f:
        head = f.read(4)
        dims = struct.unpack(">%dI" % head[3], f.read(4 * head[3]))
        size = 1
        for dim in dims[1:]:
            size *= dim
        with open(target, "wb") as out:
            out.write(head + struct.pack(">%dI" % head[3], count, *dims[1:]) + f.read(count * size))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for part, count in (("train", 2000), ("t10k", 500)):
            for kind in ("images-idx3", "labels-idx1"):
                cut("%s/%s-%s-ubyte.gz" % (options.data, part, kind),
                    "%s/%s-%s" % (folder, part, kind), count)
        command = [options.graphc, "train", os.path.join(HERE, "resnet.graph"), "train_step",
                   "-D", "blocks=1", "-D", "filters=[8, 16, 32]", "--batch", "32", "--epochs", "2",
                   "--scale", "image=1/255", "--set", "rate=0.01", "--seed", "1",
                   "--data", "image=train-images-idx3", "--data", "label=train-labels-idx1",
                   "--eval", "evaluate", "--eval-data", "image=t10k-images-idx3",
                   "--eval-data", "label=t10k-labels-idx1", "--save", "r.safetensors",
                   "--log", "log.jsonl"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        print(done.stdout + done.stderr, end="")
        if done.returncode:
            sys.exit("graphc train: exit status %d" % done.returncode)
        with open(os.path.join(folder, "log.jsonl")) as f:
            last = json.loads(f.read().splitlines()[-1])
    if last["eval"]["accuracy"] < LEAST:
        sys.exit("only %g of the test images are right" % last["eval"]["accuracy"])


if __name__ == "__main__":
    main()
