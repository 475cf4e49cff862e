#!/usr/bin/env python3
"""Adds up what a ctest run reported, down to single cases.

    count.py RESULTS.xml      (ctest --output-junit)

Prints "N passed, N failed". A test that counts for itself (GoogleTest, or a runner
whose last line is "N passed, N failed", perhaps after its name) counts as many; any other as one;
one that skips itself not at all.
"""

import re
import sys
import xml.etree.ElementTree as xml


def counts(case):
    skipped = case.find("skipped")
    if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        return 0, 0  # what it needs is not installed, and it said so itself
    text = "".join(e.text or "" for e in case.iter("system-out"))
    bad = case.find("failure") is not None or case.find("error") is not None
    bad = bad or case.get("status") in ("fail", "notrun")
    own = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed$", text, re.MULTILINE)
    if own:
        passed, failed = map(int, own[-1])
    else:
        ran = re.search(r"^\[  PASSED  \] (\d+) tests?", text, re.MULTILINE)
        broken = re.search(r"^\[  FAILED  \] (\d+) tests?", text, re.MULTILINE)
        if not ran and not broken:
            return (0, 1) if bad else (1, 0)
        passed = int(ran.group(1)) if ran else 0
        failed = int(broken.group(1)) if broken else 0
    # A test that reports no failure and yet ends badly has one.
    return passed, max(failed, 1) if bad else failed


def main():
    cases = list(xml.parse(sys.argv[1]).getroot().iter("testcase"))
    totals = [counts(case) for case in cases]
    passed, failed = sum(t[0] for t in totals), sum(t[1] for t in totals)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
