"""Some hundred steps: pairs of images that were never seen are told better than by chance, which is
half of them."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

LEAST = 70.0  # per cent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([program, "--steps", "150", "--checkpoint",
                               os.path.join(folder, "s.safetensors")], capture_output=True, text=True)
        print(done.stdout + done.stderr, end="")
        if done.returncode:
            sys.exit(f"exit status {done.returncode}")
        if not os.path.exists(os.path.join(folder, "s.safetensors")):
            sys.exit("no checkpoint")
        missing = subprocess.run([program, "--data", folder], capture_output=True, text=True)
    if missing.returncode != 1 or "cannot be opened" not in missing.stderr:
        sys.exit("missing data is not said")
    share = re.search(r"^([0-9.]+) % of 3200 pairs", done.stdout, re.M).group(1)
    if float(share) < LEAST:
        sys.exit(f"only {share} %")


if __name__ == "__main__":
    main()
