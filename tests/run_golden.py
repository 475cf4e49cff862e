#!/usr/bin/env python3
"""Runs golden tests: text files that hold input, commands, and what these must say.

    run_golden.py --graphc PATH [--bless] [--jobs N] [FOLDER|FILE]...

A test is a file NAME.test. It begins with words on what it shows; then come
sections, each opened by a line that begins with `@@ `:

    @@ file model.graph        a file, in an empty folder of the test's own
    x = 1
    @@ run graphc check model.graph
    @@ status 1                the exit status, if it is not 0
    @@ stdout                  what it writes, if it writes something
    @@ stderr

`run` is a shell command; `graphc` in it is the one under test and $TESTS the folder
of the tests; `$TMP` in what is expected stands for the test's own folder. Several
commands run one after another in the same folder. --bless replaces what is expected
by what came.

The last line is "golden: N passed, N failed"; the exit status is 0 only if there
was a test and none failed.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import subprocess
import sys
import tempfile

MARK = "@@ "


def read_sections(text):
    """The words before the first section, and [(section's header, its lines)]."""
    preamble, sections = [], []
    for line in text.splitlines(keepends=True):
        if line.startswith(MARK):
            sections.append((line[len(MARK):].strip(), []))
        elif sections:
            sections[-1][1].append(line)
        else:
            preamble.append(line)
    return "".join(preamble), [(head, "".join(body)) for head, body in sections]


def execute(command, folder, environment, limit):
    """(status, stdout, stderr) of a shell command; the test's folder becomes $TMP."""
    try:
        done = subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return "no answer in %g s" % limit, "", ""
    out, err = (stream.decode("utf-8", "backslashreplace").replace(str(folder), "$TMP")
                for stream in (done.stdout, done.stderr))
    return done.returncode, out, err


def expectation(status, out, err):
    """The sections that say this result. Output without an end of line is marked."""
    def section(name, text):
        if not text:
            return ""
        if not text.endswith("\n"):
            text += "\n" + MARK + "no end of line\n"
        return MARK + name + "\n" + text
    head = "" if status == 0 else MARK + "status %s\n" % status
    return head + section("stdout", out) + section("stderr", err)


def run_test(path, options):
    """None if the test passes, else what is wrong."""
    text = path.read_bytes().decode("utf-8")
    preamble, sections = read_sections(text)
    if not any(head.startswith("run ") for head, _ in sections):
        return "the test runs nothing"
    blessed = [preamble]
    with tempfile.TemporaryDirectory(prefix="graphc-golden-") as folder:
        folder = os.path.realpath(folder)
        environment = dict(os.environ, PATH=options.folder + os.pathsep + os.environ["PATH"],
                           LC_ALL="C.UTF-8", TMP=folder, PYTHONDONTWRITEBYTECODE="1",
                           TESTS=str(pathlib.Path(__file__).resolve().parent))
        for name in ("NO_COLOR", "GRAPHC"):
            environment.pop(name, None)
        for head, body in sections:
            kind, _, rest = head.partition(" ")
            if kind == "file":
                target = pathlib.Path(folder, rest)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(body.encode("utf-8"))
                blessed.append(MARK + head + "\n" + body)
            elif kind == "run":
                blessed.append(MARK + head + "\n")
                blessed.append(expectation(*execute(rest, folder, environment, options.timeout)))
            elif kind not in ("status", "stdout", "stderr", "no"):
                return "no such section: " + head
    got = "".join(blessed)
    if got == text:
        return None
    if options.bless:
        path.write_bytes(got.encode("utf-8"))
        return None
    return "".join(difflib.unified_diff(text.splitlines(True), got.splitlines(True),
                                        "expected", "got", n=2))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("paths", nargs="*", type=pathlib.Path,
                        default=[pathlib.Path(__file__).parent / "golden"])
    options = parser.parse_args()
    options.folder = str(pathlib.Path(options.graphc).resolve().parent)
    tests = sorted(test for path in options.paths
                   for test in (path.rglob("*.test") if path.is_dir() else [path]))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=options.jobs) as pool:
        for test, problem in zip(tests, pool.map(lambda t: run_test(t, options), tests)):
            if problem:
                failed += 1
                print("FAIL %s\n%s" % (test, problem))
    print("golden: %d passed, %d failed" % (len(tests) - failed, failed))
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
