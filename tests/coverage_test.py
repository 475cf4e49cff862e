#!/usr/bin/env python3
"""Fails when a diagnostic code has no golden test that fires it.

A test fires a code where it expects it: `error[E0201]` or `"code":"E0201"` in a
*.test file, `#! E0201 line=…` (that code alone) in a *.graph case.
"""

import pathlib
import re
import sys

from explain_test import codes

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"


def fired():
    found = set()
    for path in GOLDEN.rglob("*.test"):
        text = path.read_text()
        found.update(re.findall(r"error\[(E\d{4})\]", text))
        found.update(re.findall(r'"code": ?"(E\d{4})"', text))
    for path in GOLDEN.rglob("*.graph"):
        text = path.read_bytes().decode("utf-8", "replace")
        found.update(re.findall(r"^#! (E\d{4}) line=", text, re.MULTILINE))
    return found


def main():
    known = codes()
    found = fired()
    missing = [code for code in known if code not in found]
    for code in missing:
        print("FAIL %s: no golden test fires it" % code)
    print("coverage: %d passed, %d failed" % (len(known) - len(missing), len(missing)))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
