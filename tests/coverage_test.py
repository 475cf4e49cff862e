#!/usr/bin/env python3
"""Fails when a diagnostic code has no golden test that fires it.

A test fires a code where it expects it: `error[E0201]` or `"code":"E0201"` in a
*.test file, `#! E0201 line=…` (that code alone) in a *.graph case.

Every lint rule has lint/CODE.test: what it finds in fires.graph has the code, and
what it finds in quiet.graph has not.

Every difference of `graphc diff` stands in a *.test file as `error[D0101]`, or as
`info[D0101]`.
"""

import pathlib
import re
import sys

from explain_test import codes, differences, rules
from run_golden import read_sections

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"


def fired():
    found = set()
    for path in GOLDEN.rglob("*.test"):
        text = path.read_text()
        found.update(re.findall(r"error\[([DE]\d{4})\]", text))
        found.update(re.findall(r"info\[(D\d{4})\]", text))
        found.update(re.findall(r'"code": ?"(E\d{4})"', text))
    for path in GOLDEN.rglob("*.graph"):
        text = path.read_bytes().decode("utf-8", "replace")
        found.update(re.findall(r"^#! (E\d{4}) line=", text, re.MULTILINE))
    return found


def lint_problems(code):
    """What is missing in a lint rule's test."""
    path = GOLDEN / "lint" / (code + ".test")
    if not path.exists():
        return ["there is no lint/%s.test" % code]
    outputs, command = {}, None
    for head, body in read_sections(path.read_text())[1]:
        if head.startswith("run "):
            command = head
            outputs[command] = ""
        elif head == "stdout":
            outputs[command] += body
    problems = []
    for name, fires in (("fires.graph", True), ("quiet.graph", False)):
        found = [text for command, text in outputs.items() if command.endswith(name)]
        if not found:
            problems.append("lints no " + name)
        elif fires and not any("[%s]" % code in text for text in found):
            problems.append("does not fire in " + name)
        elif not fires and any("[%s]" % code in text for text in found):
            problems.append("fires in " + name)
    return problems


def main():
    known = codes() + differences()
    found = fired()
    missing = [code for code in known if code not in found]
    for code in missing:
        print("FAIL %s: no golden test fires it" % code)
    failed = len(missing)
    for code in rules():
        problems = lint_problems(code)
        failed += bool(problems)
        for problem in problems:
            print("FAIL %s: %s" % (code, problem))
    total = len(known) + len(rules())
    print("coverage: %d passed, %d failed" % (total - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
