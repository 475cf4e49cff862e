"""Some steps over this project's documents: the loss falls well below that of guessing blindly, and
the checkpoint writes the same text in a fresh process."""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

DOCUMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "*.md")
MOST = 3.2  # nats a character; blind guessing is ln 96 = 4.56


def run(program, *arguments, status=0):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"exit status {done.returncode}, not {status}: {done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = os.path.join(folder, "c.safetensors")
        output = run(program, "--steps", "200", "--write", "200", "--checkpoint", checkpoint,
                     *sorted(glob.glob(DOCUMENTS)))
        print(output)
        figures, _, written = output.partition("\n")
        if run(program, "--load", checkpoint, "--write", "200") != written:
            sys.exit("the checkpoint writes another text")
        run(program, os.path.join(folder, "none.md"), status=1)
        run(program, "--load", os.path.join(folder, "none"), status=1)
        run(program, status=2)
    if len(written) != 201:
        sys.exit(f"{len(written)} characters were written")
    loss = float(re.search(r"loss ([0-9.]+)", figures).group(1))
    if loss > MOST:
        sys.exit(f"the loss is {loss}")


if __name__ == "__main__":
    main()
