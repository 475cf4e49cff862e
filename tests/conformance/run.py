#!/usr/bin/env python3
"""Runs golden cases: small definitions that say themselves what is expected.

    run.py --graphc PATH [--filter PREFIX]... [--jobs N] [FOLDER|FILE]...

A case is a file NAME.graph; names that begin with `_` are only imported by
others. Its expectations are whole lines, wherever they stand in the file:

    #! E0201 line=7            `graphc check` must report exactly the errors so
    #! E0403 line=9 file=F     listed (exit status 1); `E0001|E0109` allows both,
                               `file=` names the file if it is an imported one
    #= E0201 message           one of the errors of that code must have exactly
                               this message
    #? E0201 note              one of the errors of that code must carry a note
                               with exactly this text
    #> text                    without `#!` lines: the exit status must be 0 and
                               standard output exactly these lines
    #: -D batch=8              more arguments for graphc

Without FOLDER the cases of tests/golden/scopes are run. The exit status is 0
only if there was a case and all passed.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys

DEFAULT = pathlib.Path(__file__).resolve().parent.parent / "golden" / "scopes"


class Case:
    """A case file and what its marked lines ask for."""

    ERROR = re.compile(r"(?P<codes>E\d{4}(\|E\d{4})*) line=(?P<line>\d+)( file=(?P<file>\S+))?")
    TEXT = re.compile(r"(?P<code>E\d{4}) (?P<text>.+)")

    def __init__(self, path):
        self.path = path
        self.errors, self.messages, self.notes, self.output, self.arguments = [], [], [], [], []
        self.malformed = None
        # Split at "\n" alone: a case may hold form feeds, or bytes that are not UTF-8.
        for line in path.read_bytes().decode("utf-8", "replace").split("\n"):
            mark, rest = line[:2], line[3:].rstrip()
            if mark == "#>" and line[2:3] in ("", " "):
                self.output.append(line[3:])
            elif line[2:3] != " ":
                continue
            elif mark == "#:":
                self.arguments += shlex.split(rest)
            elif mark == "#!":
                self.take(self.ERROR, rest, line, self.errors)
            elif mark == "#=":
                self.take(self.TEXT, rest, line, self.messages)
            elif mark == "#?":
                self.take(self.TEXT, rest, line, self.notes)

    def take(self, pattern, rest, line, into):
        found = pattern.fullmatch(rest)
        if found:
            into.append(found.groupdict())
        else:
            self.malformed = "cannot read the expectation %r" % line

    def run(self, graphc, timeout):
        """None if the case holds, else a sentence saying why it does not."""
        if self.malformed:
            return self.malformed
        if self.errors and self.output:
            return "expects errors and output at once"
        command = [graphc, "check", *self.arguments]
        if self.errors:
            command.append("--diagnostics=json")
        command.append(str(self.path))
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  cwd=self.path.parent, timeout=timeout)
        except subprocess.TimeoutExpired:
            return "no answer within %g s" % timeout
        except OSError as error:
            return "cannot be started: %s" % error
        stdout = done.stdout.decode("utf-8", "replace")
        stderr = done.stderr.decode("utf-8", "replace")
        if done.returncode < 0:
            return "killed by signal %d" % -done.returncode
        wanted = 1 if self.errors else 0
        if done.returncode != wanted:
            return "exit status %d, expected %d: %s" % (
                done.returncode, wanted, " ".join(stderr.split())[:300])
        return self.compareErrors(stderr) if self.errors else self.compareOutput(stdout)

    def compareOutput(self, stdout):
        got = stdout.split("\n")
        if got[-1] == "":
            got.pop()
        for number in range(max(len(got), len(self.output))):
            have = got[number] if number < len(got) else None
            want = self.output[number] if number < len(self.output) else None
            if have != want:
                return "output line %d is %r, expected %r" % (number + 1, have, want)
        return None

    def compareErrors(self, stderr):
        # With JSON diagnostics the object is the last line; print() may have written before it.
        try:
            report = json.loads(stderr.strip().split("\n")[-1])["diagnostics"]
        except (ValueError, KeyError, TypeError):
            try:
                report = json.loads(stderr[stderr.index('{"diagnostics"'):])["diagnostics"]
            except ValueError:
                return "no JSON diagnostics: %s" % stderr[:200]
        errors = [d for d in report if d.get("severity", "error") == "error"]
        left = list(errors)
        for want in self.errors:
            match = next((d for d in left
                          if d["code"] in want["codes"].split("|")
                          and d["line"] == int(want["line"])
                          and want["file"] in (None, pathlib.PurePath(d.get("file", "")).name)),
                         None)
            if match is None:
                return "no %s at line %s; got %s" % (want["codes"], want["line"], self.show(errors))
            left.remove(match)
        if left:
            return "too much was reported: %s" % self.show(left)
        for want in self.messages:
            messages = [d["message"] for d in errors if d["code"] == want["code"]]
            if want["text"] not in messages:
                return "%s says %r, expected %r" % (want["code"], messages, want["text"])
        for want in self.notes:
            notes = [note["message"] for d in errors if d["code"] == want["code"]
                     for note in d.get("notes", [])]
            if want["text"] not in notes:
                return "%s has the notes %r, expected %r" % (want["code"], notes, want["text"])
        return None

    @staticmethod
    def show(errors):
        return ", ".join("%s line %s (%s)" % (d["code"], d["line"], d.get("message", ""))
                         for d in errors) or "nothing"


def collect(places):
    for place in places:
        place = pathlib.Path(place)
        if place.is_dir():
            yield from sorted(p for p in place.glob("*.graph") if not p.name.startswith("_"))
        else:
            yield place


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True, help="the compiler to test")
    parser.add_argument("--filter", action="append", default=[], metavar="PREFIX",
                        help="only cases whose name begins so")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=20, help="seconds for one case")
    parser.add_argument("places", nargs="*", default=[DEFAULT], metavar="FOLDER|FILE")
    options = parser.parse_args()

    graphc = str(pathlib.Path(options.graphc).resolve())
    paths = [p for p in collect(options.places)
             if not options.filter or p.name.startswith(tuple(options.filter))]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(
            lambda path: Case(path.resolve()).run(graphc, options.timeout), paths))
    failed = 0
    for path, why in zip(paths, results):
        if why:
            failed += 1
            print("FAIL %s: %s" % (path.stem, why))
    print("%d passed, %d failed" % (len(paths) - failed, failed))
    return 0 if paths and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
