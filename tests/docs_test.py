#!/usr/bin/env python3
"""Runs what the documents show.

    docs_test.py --prefix FOLDER [FILE.md]...

FOLDER is an installed graphc (bin, lib, include). In each document:

    ```graph                 must pass `graphc check`; with `fails` it must not
    ```graph file=m.graph    is also kept under that name for what follows
    ```c file=main.c         (any language) is kept under that name
    ```console               each `$ command` must give exactly the lines below it;
                             a line `...` stands for any lines

Other blocks are not run; `skip` after a language keeps one from being run. A
document's blocks share a folder, which is empty at first.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from markdown import blocks

ROOT = pathlib.Path(__file__).resolve().parent.parent


def matches(expected, got):
    """Whether lines fit, `...` standing for any number of lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n"
                      for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


def sessions(block):
    """[(command, expected lines)] of a console block; a command goes on after `\\`."""
    found = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\"):
            found[-1][0] = found[-1][0][:-1] + line.strip()
        elif found:
            found[-1][1].append(line)
    return found


def run_document(path, environment):
    wrong = []
    count = 0
    with tempfile.TemporaryDirectory(prefix="graphc-docs-") as folder:
        def shell(command):
            return subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
                                  timeout=300)
        for block in blocks(path.read_text()):
            name = block.values.get("file", "example.graph" if block.language == "graph" else "")
            if name:
                target = pathlib.Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text)
            if "skip" in block.flags:
                continue
            if block.language == "graph":
                count += 1
                done = shell("graphc check '%s'" % name)
                if done.returncode != (1 if "fails" in block.flags else 0):
                    wrong.append("line %d: status %d\n%s" % (block.line, done.returncode, done.stdout))
            elif block.language == "console":
                for command, expected in sessions(block):
                    count += 1
                    got = shell(command).stdout.splitlines()
                    if not matches(expected, got):
                        wrong.append("line %d: %s\n--- expected\n%s\n--- got\n%s" % (
                            block.line, command, "\n".join(expected), "\n".join(got)))
    return count, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", required=True, type=pathlib.Path)
    parser.add_argument("documents", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    prefix = options.prefix.resolve()
    environment = dict(os.environ, LC_ALL="C.UTF-8", NO_COLOR="1",
                       PATH="%s/bin%s%s" % (prefix, os.pathsep, os.environ["PATH"]),
                       PKG_CONFIG_PATH="%s/lib/pkgconfig" % prefix,
                       CMAKE_PREFIX_PATH=str(prefix),
                       # As if ldconfig had been told of it.
                       LD_LIBRARY_PATH="%s/lib" % prefix)
    documents = options.documents or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    total = failed = 0
    for document in documents:
        if not document.exists():
            continue
        count, wrong = run_document(document, environment)
        total += count
        failed += len(wrong)
        for problem in wrong:
            print("FAIL %s %s" % (document.name, problem))
    print("docs: %d passed, %d failed" % (total - failed, failed))
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
