#!/usr/bin/env python3
"""Stops `graphc train` in many places and goes on: the end must be that of a run which never stopped.

    train_test.py --graphc PATH

Also: what a signal, a full disk and a terminal do.
"""

import argparse
import json
import os
import pathlib
import pty
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

# A step that draws random numbers, so that a training is told from one that only resembles it.
DEFINITION = """\
n = dim("n")
x = placeholder(float32, [n, 3], name="x")
y = placeholder(float32, [n], name="y")
w = get_variable("w", [3, 1], initializer=random_normal_initializer())
noise = get_variable("noise", [], initializer=zeros_initializer())
guess = reshape(matmul(x, w), [-1])
error = guess - y
loss = reduce_mean(square(error))
slope = matmul(x, reshape(error, [-1, 1]), transpose_a=True)
step = assign_sub(w, 0.01 * slope * random_uniform([3, 1]))
drawn = assign_add(noise, random_normal([]))
export train_step(x=x, y=y) -> (loss=loss, step, drawn)
export evaluate(x=x, y=y) -> (loss=loss, draw=random_uniform([]))
"""
EXAMPLES, BATCH, EPOCHS = 23, 4, 3
STEPS = 6  # of an epoch, the last of three examples

failures = []
passed = 0


def check(fine, what):
    global passed
    if fine:
        passed += 1
    else:
        failures.append(what)
        print("FAIL", what)


def write_npy(path, values, shape):
    header = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(11 + len(header)) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header +
                     struct.pack("<%df" % len(values), *values))


class Training:
    def __init__(self, graphc, folder):
        self.graphc, self.folder = graphc, folder
        (folder / "m.graph").write_text(DEFINITION)
        xs = [((i * 37) % 101) / 50 - 1 for i in range(EXAMPLES * 3)]
        write_npy(folder / "x.npy", xs, (EXAMPLES, 3))
        write_npy(folder / "y.npy", [xs[3 * i] - xs[3 * i + 2] for i in range(EXAMPLES)],
                  (EXAMPLES,))

    def command(self, *more, epochs=EPOCHS):
        return [self.graphc, "train", "m.graph", "train_step", "--data", "x=x.npy", "--data",
                "y=y.npy", "--batch", str(BATCH), "--epochs", str(epochs), "--eval", "evaluate",
                "--eval-data", "x=x.npy", "--eval-data", "y=y.npy", *more]

    def run(self, *more, epochs=EPOCHS, status=0, **how):
        done = subprocess.run(self.command(*more, epochs=epochs), cwd=self.folder,
                              capture_output=True, text=True, timeout=120, **how)
        check(done.returncode == status, "%s: status %d, not %d\n%s" % (
            " ".join(more), done.returncode, status, done.stderr))
        return done

    def read(self, name):
        return (self.folder / name).read_bytes()

    def log(self, name):
        lines = [json.loads(line) for line in (self.folder / name).read_text().splitlines()]
        for line in lines:
            del line["seconds"]
        return lines


def test_resume(t):
    t.run("--seed", "11", "--save", "whole.st", "--log", "whole.jsonl")
    # Within an epoch, before its last step, at its end, in the next one.
    for stop in (1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS + 3):
        t.run("--seed", "11", "--steps", str(stop), "--save", "part.st")
        t.run("--resume", "part.st", "--save", "end.st", "--log", "part.jsonl")
        check(t.read("end.st") == t.read("whole.st"),
              "resumed after step %d, the checkpoint differs" % stop)
        check(t.log("part.jsonl")[-1] == t.log("whole.jsonl")[-1],
              "resumed after step %d, the log differs" % stop)
        (t.folder / "part.jsonl").unlink()
    t.run("--seed", "12", "--save", "other.st")
    check(t.read("other.st") != t.read("whole.st"), "another seed gives the same")
    t.run("--seed", "11", "--threads", "1", "--save", "one.st")
    check(t.read("one.st") == t.read("whole.st"), "one thread gives another result")
    # More epochs than were wanted at first; and none that are left.
    t.run("--seed", "11", "--save", "longer.st", epochs=EPOCHS + 1)
    t.run("--resume", "whole.st", "--save", "more.st", epochs=EPOCHS + 1)
    check(t.read("longer.st") == t.read("more.st"), "an epoch more differs")
    done = t.run("--resume", "whole.st", "--save", "same.st")
    check("nothing is left to train" in done.stderr, "a finished training is not told of")
    check(t.read("same.st") == t.read("whole.st"), "a finished training changed")


def test_signals(t):
    for stop in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(t.command("--seed", "5", "--save", "cut.st", epochs=10**9),
                                   cwd=t.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        process.stdout.readline()  # training has begun
        process.send_signal(stop)
        _, errors = process.communicate(timeout=60)
        check(process.returncode == 130, "%s: status %d" % (stop, process.returncode))
        check("--resume cut.st" in errors, "%s: says only %r" % (stop, errors))
        listed = subprocess.run([t.graphc, "checkpoint", "list", "--format=json", "cut.st"],
                                cwd=t.folder, capture_output=True, text=True)
        epochs = json.loads(json.loads(listed.stdout)["metadata"]["train"])["epoch"] + 2
        t.run("--resume", "cut.st", "--save", "on.st", epochs=epochs)
        t.run("--seed", "5", "--save", "calm.st", epochs=epochs)
        check(t.read("on.st") == t.read("calm.st"), "%s: what follows differs" % stop)


def test_full_disk(t):
    t.run("--seed", "1", "--save", "kept.st", epochs=1)
    before = t.read("kept.st")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    t.run("--seed", "1", "--save", "kept.st", status=2, preexec_fn=limit)
    check(t.read("kept.st") == before, "a checkpoint that could not be written is gone")
    left = [path.name for path in t.folder.iterdir() if "tmp" in path.name or "kept.st." in path.name]
    check(not left, "left behind: %s" % left)


def on_terminal(t, environment):
    """What the command writes to a terminal of standard error."""
    main, other = pty.openpty()
    process = subprocess.Popen(t.command(epochs=3000), cwd=t.folder, stdout=subprocess.DEVNULL,
                               stderr=other, env=dict(os.environ, **environment))
    os.close(other)
    seen = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:  # its end
            break
        if not piece:
            break
        seen += piece
        if len(seen) > 2000:
            process.terminate()
    process.wait(timeout=60)
    os.close(main)
    return seen.decode()


def test_terminal(t):
    plain = on_terminal(t, {"TERM": "xterm", "NO_COLOR": "1"})
    check(re.search(r"epoch \d+/3000 \[=*>? *\] \d+/6  loss [0-9.e-]+  \d+ examples/s", plain),
          "no progress on a terminal: %r" % plain[:300])
    check("\x1b[32m" not in plain, "colour in spite of NO_COLOR")
    check("\x1b[32m" in on_terminal(t, {"TERM": "xterm", "NO_COLOR": ""}), "no colour")
    done = t.run(epochs=2)
    check(done.stderr == "" and "\r" not in done.stdout, "progress where there is no terminal")
    check(len(done.stdout.splitlines()) == 2, "not one line for an epoch")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    graphc = os.path.abspath(parser.parse_args().graphc)
    with tempfile.TemporaryDirectory(prefix="graphc-train-") as folder:
        t = Training(graphc, pathlib.Path(folder))
        for test in (test_resume, test_signals, test_full_disk, test_terminal):
            begin = time.monotonic()
            test(t)
            print("%s: %.1f s" % (test.__name__, time.monotonic() - begin))
    print("train: %d passed, %d failed" % (passed, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
