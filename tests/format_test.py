#!/usr/bin/env python3
"""Formats every definition of the repository, and holds the style's promises against it.

    format_test.py --graphc PATH

For each `.graph` file, each `@@ file NAME.graph` of a golden test, and a number of generated
ones: formatting it twice gives what formatting it once does; the graph is the same
(`inspect --format=json` but for places); a file that does not parse is refused and left alone.
The project's own definitions are in the style already.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Definitions that keep a form of their own: retold from elsewhere, or wrong on purpose.
AS_THEY_ARE = ("examples/scopes", "examples/lint_me")


def graph_of(graphc, text):
    """What `inspect` says of it but for places; None if it has errors."""
    done = subprocess.run([graphc, "inspect", "--format=json", "-"], input=text.encode(),
                          capture_output=True, timeout=120)
    if done.returncode != 0:
        return None

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in ("location", "shared_at")}
        return [plain(v) for v in value] if isinstance(value, list) else value

    return plain(json.loads(done.stdout))


def definitions():
    """(name, text)"""
    for folder in ("examples", "tests", "compiler", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.graph")):
            try:
                yield str(path.relative_to(ROOT)), path.read_bytes().decode()
            except (UnicodeDecodeError, OSError):
                continue
    for path in sorted((ROOT / "tests/golden").rglob("*.test")):
        for i, part in enumerate(re.split(r"^@@ ", path.read_text(), flags=re.MULTILINE)):
            head, _, body = part.partition("\n")
            if re.fullmatch(r"file \S+\.graph", head):
                yield f"{path.relative_to(ROOT)}[{i}]", body


def generated(count, seed=7):
    """Definitions with odd spacing, comments and line ends in every place that allows them."""
    rng = random.Random(seed)

    def gap(inside):
        kinds = ["", " ", "  "] + (["\n", " # note\n", "\n\n   ", "\n  # own line\n"] * inside)
        return rng.choice(kinds)

    def expr(depth, inside):
        g = lambda: gap(inside)  # noqa: E731
        kind = rng.randrange(12 if depth else 4)
        if kind < 3:
            return rng.choice(["a", "b", "1", "2.5", "'it'", '"x"', "'q\"'", "f'{a:>4}'", "None"])
        if kind == 3:
            return "-" + rng.choice(["1", "2"])
        if kind in (4, 5):
            op = rng.choice(["+", "-", "*", "==", "is  not", "and", "or", "if a else"])
            return f"({gap(True)}{expr(depth - 1, True)}{gap(True)} {op} {expr(depth - 1, True)})"
        if kind == 6:
            items = [expr(depth - 1, True) for _ in range(rng.randrange(4))]
            return "[" + gap(True) + (gap(True) + "," + gap(True)).join(items) + gap(True) + "]"
        if kind == 7:
            return f"str({gap(True)}{expr(depth - 1, True)}{gap(True)})"
        if kind == 8:
            return "{" + gap(True) + f"'k'{gap(True)}:{gap(True)}{expr(depth - 1, True)}" + "}"
        if kind == 9:
            return f"(lambda p{g()}={g()}1:{g()}{expr(depth - 1, inside)})"
        if kind == 10:
            return f"[i{gap(True)} for i in {gap(True)}[1,2] if {expr(depth - 1, True)}]"
        return f"[{expr(depth - 1, True)},3,4][{g()}0{g()}:{g()}1+1{g()}]"

    def block(indent, depth):
        lines = []
        for _ in range(rng.randrange(1, 4)):
            if rng.random() < 0.3:
                lines.append(" " * rng.randrange(9) + rng.choice(["#note", "# note", "#: note"]))
            if rng.random() < 0.3:
                lines.append("")
            kind = rng.randrange(6 if depth else 3)
            pad = " " * indent
            if kind < 3:
                text = f"{rng.choice('ab')}{gap(False)}={gap(False)}{expr(2, False)}"
                if rng.random() < 0.2:
                    text += " ; a=1"
                if rng.random() < 0.2:
                    text += "#behind"
                lines.append(pad + text)
            elif kind == 3:
                lines.append(pad + "if a : b=1")
            else:
                name = f"f{rng.randrange(10**9)}"
                head = {4: f"def {name}( p ,q = 1 ) :", 5: "for i in[1,2] :"}[kind]
                lines.append(pad + head)
                inner = block(indent + rng.choice([1, 2, 4, 8]), depth - 1)
                lines.extend(inner)
        return lines

    for i in range(count):
        yield f"generated {i}", "\n".join(["a = 1", "b = 2"] + block(0, 2)) + "\n"


def format_all(graphc, folder):
    """Formats a folder in place; the names of the files that were refused."""
    done = subprocess.run([graphc, "fmt", "--diagnostics=json", folder], capture_output=True,
                          timeout=600)
    if done.returncode not in (0, 1):
        sys.exit(f"format: status {done.returncode}: {done.stderr.decode()}")
    report = json.loads(done.stderr.decode().strip().splitlines()[-1])
    return {pathlib.Path(d["file"]).name for d in report["diagnostics"] if d["code"][0] == "E"}


def check(graphc, name, text, once, twice):
    """Says what is wrong; "" if nothing is."""
    if twice != once:
        return f"{name}: formatting it again changes it"
    multiline = '"""' in once or "'''" in once
    for number, line in enumerate(once.split("\n"), 1):
        if line != line.rstrip() and not multiline:
            return f"{name}: line {number} ends in a blank"
    if once != text and graph_of(graphc, text) != graph_of(graphc, once):
        return f"{name}: the graph is another one"
    own = name.startswith(("examples/", "compiler/")) and not name.startswith(AS_THEY_ARE)
    if own and once != text:
        return f"{name}: not in the style; run graphc fmt"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--generated", type=int, default=150)
    options = parser.parse_args()
    cases = list(definitions()) + list(generated(options.generated))
    with tempfile.TemporaryDirectory(prefix="graphc-format-") as folder:
        files = [pathlib.Path(folder) / f"{i:05}.graph" for i in range(len(cases))]
        for file, (_, text) in zip(files, cases):
            file.write_bytes(text.encode())
        refused = format_all(options.graphc, folder)
        once = [file.read_bytes().decode() for file in files]
        if format_all(options.graphc, folder) != refused:
            sys.exit("format: what was refused is not, the second time")
        twice = [file.read_bytes().decode() for file in files]
    wrong, jobs = [], []
    for file, (name, text), first, second in zip(files, cases, once, twice):
        if file.name not in refused:
            jobs.append((name, text, first, second))
        elif first != text:
            wrong.append(f"{name}: refused and yet changed")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong += filter(None, pool.map(lambda job: check(options.graphc, *job), jobs))
    print("\n".join(wrong))
    print(f"{len(refused)} of these do not parse and were refused")
    print(f"format: {len(cases) - len(wrong)} passed, {len(wrong)} failed")
    if len(jobs) < 100:
        print("format: too few definitions were formatted for this to say anything")
    return bool(wrong) or len(jobs) < 100


sys.exit(main())
