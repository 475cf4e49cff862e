#!/usr/bin/env python3
"""Checks the pages of `graphc explain`, docs/explain/CODE.md.

    explain_test.py --graphc PATH

Every code of compiler/source/codes.def has a page. Its example marked `fails`
makes `graphc check` (or the page's own command) report exactly that code, once,
and its example marked `passes` passes. Blocks with `file=NAME` lie beside both.

Every lint rule has a page, too: its example marked `fires` makes `graphc lint`
report that code, its example marked `quiet` does not.

Every difference that `graphc diff` reports has a page: the example marked `fires`,
compared with the one marked `before`, has it, the one marked `quiet` has it not.
"""

import argparse
import json
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile

from markdown import blocks

ROOT = pathlib.Path(__file__).resolve().parent.parent


# Codes that nothing can fire yet, and why. One that has a page after all fails here.
PENDING = {}


def codes():
    """The codes that can be fired."""
    table = (ROOT / "compiler/source/codes.def").read_text()
    listed = re.findall(r'^CODE\("(E\d{4})"', table, re.MULTILINE)
    return [code for code in listed if code not in PENDING]


def rules():
    """The codes of the lint rules."""
    found = set()
    for path in (ROOT / "compiler/lint").glob("*.cpp"):
        found.update(re.findall(r'\.code = "(W\d{4})"', path.read_text()))
    return sorted(found)


def differences():
    """The codes of `graphc diff`."""
    table = (ROOT / "compiler/interface/compare.cpp").read_text()
    return sorted(set(re.findall(r'\{"(D\d{4})"', table)))


def diff_problems(graphc, code, all_blocks):
    """What is wrong with the examples of a difference."""
    named = {flag: b for b in all_blocks for flag in b.flags}
    level = {"1": "weights", "2": "source", "3": "numerics"}[code[2]]
    wrong = []
    for flag in ("before", "fires", "quiet"):
        if flag not in named:
            return ["has no example that is marked %r" % flag]
    for flag in ("fires", "quiet"):
        with tempfile.TemporaryDirectory(prefix="graphc-explain-") as folder:
            folder = pathlib.Path(folder)
            (folder / "before.graph").write_text(named["before"].text)
            (folder / "after.graph").write_text(named[flag].text)
            done = subprocess.run([graphc, "diff", "--level=" + level, "--diagnostics=json",
                                   "before.graph", "after.graph"],
                                  cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60)
        try:
            found = {d["code"] for d in json.loads(done.stdout)["diagnostics"]}
        except ValueError:
            found = {"no JSON"}
        if found != ({code} if flag == "fires" else set()):
            wrong.append("%s: %s\n%s" % (flag, sorted(found), done.stderr))
    return wrong


def lint(graphc, block, others):
    """The codes that `graphc lint` finds in a block."""
    with tempfile.TemporaryDirectory(prefix="graphc-explain-") as folder:
        folder = pathlib.Path(folder)
        for other in others:
            (folder / other.values["file"]).write_text(other.text)
        (folder / "example.graph").write_text(block.text)
        done = subprocess.run([graphc, "lint", "--diagnostics=json", "example.graph"],
                              cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
    try:
        return {d["code"] for d in json.loads(done.stdout)["diagnostics"]}, done.stderr
    except ValueError:
        return {"no JSON"}, done.stderr


def run(graphc, block, name, others):
    """(exit status, [codes], stderr) of a block, checked as NAME.graph."""
    with tempfile.TemporaryDirectory(prefix="graphc-explain-") as folder:
        folder = pathlib.Path(folder)
        for other in others:
            (folder / other.values["file"]).write_text(other.text)
        # An empty checkpoint, for the pages whose command names one.
        header = b"{}      "
        (folder / "weights.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
        (folder / (name + ".graph")).write_text(block.text)
        command, *rest = shlex.split(block.values.get("command", "check"))
        done = subprocess.run([graphc, command, "--diagnostics=json", *rest, name + ".graph"],
                              cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
    lines = done.stderr.strip().splitlines()
    try:
        found = [d["code"] for d in json.loads(lines[-1])["diagnostics"]]
    except (IndexError, ValueError, KeyError):
        found = ["no JSON"]
    return done.returncode, found, done.stderr


def problems(graphc, code):
    path = ROOT / "docs/explain" / (code + ".md")
    if not path.exists():
        return ["has no page"]
    text = path.read_text()
    if not text.startswith("# %s: " % code):
        return ["does not begin with '# %s: '" % code]
    try:
        all_blocks = blocks(text)
    except ValueError as error:
        return [str(error)]
    others = [b for b in all_blocks if "file" in b.values]
    wrong = []
    if code.startswith("D"):
        return diff_problems(graphc, code, all_blocks) + shown_problem(graphc, code)
    if code.startswith("W"):
        for flag in ("fires", "quiet"):
            if not any(flag in b.flags for b in all_blocks):
                wrong.append("has no example that is marked %r" % flag)
        for block in all_blocks:
            if "fires" not in block.flags and "quiet" not in block.flags:
                continue
            found, stderr = lint(graphc, block, others)
            errors = [c for c in found if not c.startswith("W")]
            if errors or (code in found) != ("fires" in block.flags):
                wrong.append("line %d: %s\n%s" % (block.line, sorted(found), stderr))
        return wrong + shown_problem(graphc, code)
    fails = [b for b in all_blocks if "fails" in b.flags]
    passes = [b for b in all_blocks if "passes" in b.flags]
    if not fails or not passes:
        return ["needs an example that fails and one that passes"]
    for block in fails:
        status, found, stderr = run(graphc, block, "fails", others)
        if status not in (1, 2) or found != [code] or (status == 2 and code != "E0004"):
            wrong.append("line %d: status %d, %s\n%s" % (block.line, status, found, stderr))
    for block in passes:
        status, found, stderr = run(graphc, block, "passes", others)
        if status != 0 or found:
            wrong.append("line %d: status %d, %s\n%s" % (block.line, status, found, stderr))
    return wrong + shown_problem(graphc, code)


def shown_problem(graphc, code):
    shown = subprocess.run([graphc, "explain", code.lower()], capture_output=True, text=True)
    if shown.returncode != 0 or not shown.stdout.startswith(code + ": "):
        return ["`graphc explain` does not show it"]
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("codes", nargs="*")
    options = parser.parse_args()
    graphc = str(pathlib.Path(options.graphc).resolve())
    known = codes() + rules() + differences()
    failed = 0
    for code in options.codes or known:
        wrong = problems(graphc, code)
        failed += bool(wrong)
        for problem in wrong:
            print("FAIL %s: %s" % (code, problem))
    total = len(options.codes or known)
    for page in sorted((ROOT / "docs/explain").glob("*.md")):
        if page.stem not in known:
            print("FAIL %s: a page for a code that there is not" % page.stem)
            failed += 1
            total += 1
    print("explain: %d passed, %d failed" % (total - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
