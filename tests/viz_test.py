#!/usr/bin/env python3
"""Looks at what `graphc viz` draws.

    viz_test.py --graphc PATH

The pictures must be well formed, hold what the graph has, need nothing from a network,
and be made fast of large graphs; bad input gives the contract's exit status, and no file.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

MODELS = pathlib.Path(__file__).resolve().parent / "lint_models"
SHARED = """\
def layer(x):
    with variable_scope("dense"):
        w = get_variable("w", [4, 4])
        return relu(matmul(x, w))

x = placeholder(float32, [None, 4], name="x")
with variable_scope("net") as scope:
    a = layer(x)
with variable_scope(scope, reuse=True):
    b = layer(a)
count = get_variable("count", [], initializer=zeros_initializer(), trainable=False)
export f(x=x) -> (y=b, assign_add(count, 1.0))
"""


def large(operations):
    lines = ["first = x = placeholder(float32, [4, 4], name=\"x\")"]
    for i in range(operations // 20):
        lines.append('with variable_scope("block_%d"):' % i)
        lines.append('    w = get_variable("w", [4, 4])')
        lines += ['    x = relu(matmul(x, w))'] * 10
    return "\n".join(lines) + "\nexport f(x=first) -> (y=x)\n"


class Failure(Exception):
    pass


def need(condition, message):
    if not condition:
        raise Failure(message)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--without-graphviz", action="store_true")
    options = parser.parse_args()
    graphc = str(pathlib.Path(options.graphc).resolve())
    folder = None

    def viz(*arguments, text=None, status=0):
        done = subprocess.run([graphc, "viz", *arguments], cwd=folder, capture_output=True,
                              text=True, timeout=120, input=text or "")
        need(done.returncode == status,
             "%s: status %d: %s" % (arguments, done.returncode, done.stderr[-300:]))
        need(status == 0 or not done.stdout, "%s: wrote something all the same" % (arguments,))
        return done

    def check_dot():
        dot = viz("--format=dot", "shared.graph").stdout
        need(dot.count("shape=cylinder") == 2, "variables are not drawn once:\n" + dot)
        need(re.search(r'label="net"', dot) and re.search(r'label="dense"', dot), "no boxes")
        need("shared at: shared.graph" in dot.replace("\\n", "\n"), "it does not say what is shared")
        need('label="export f"' in dot and "style=dashed" in dot, "no export, no update")
        flat = viz("--format=dot", "--depth=0", "shared.graph").stdout
        need("cluster" not in flat and "box3d" in flat, "--depth=0 still has boxes")
        part = viz("--format=dot", "--export=f", "shared.graph").stdout
        need('label="export f"' in part, "--export leaves its export out")

    def check_names():
        # Whatever stands in names, DOT and SVG stay well formed.
        text = 'export f() -> (y=constant(1.0, name="a.b-c_d"))\n'
        (folder / 'we"ird\\<&>.graph').write_text(text)
        dot = viz("--format=dot", 'we"ird\\<&>.graph').stdout
        need(dot.startswith('digraph "we\\"ird\\\\<&>.graph" {'), dot[:60])
        if not options.without_graphviz:
            xml.fromstring(viz("--format=svg", 'we"ird\\<&>.graph').stdout)

    def check_svg():
        root = xml.fromstring(viz("--format=svg", "shared.graph").stdout)
        texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
        for wanted in ("x", "w", "net", "dense", "MatMul", "export f"):
            need(wanted in texts, "no %r among %s" % (wanted, texts))

    def check_models():
        for path in sorted(MODELS.glob("*.graph")):
            xml.fromstring(viz("--format=svg", str(path)).stdout)

    def check_page():
        viz("shared.graph", "-o", "page.html")
        page = (folder / "page.html").read_text()
        need("<svg" in page and "{{" not in page, "the page is not whole")
        outside = set(re.findall(r"""(?:src|href)=["']?(\w+:)?//[^"' >]*|@import|url\(""", page))
        need(not outside, "it asks a network: %s" % outside)
        need(set(re.findall(r"https?://[^\s\"'<>]+", page)) <=
             {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, "addresses")

    def check_large():
        (folder / "large.graph").write_text(large(8000))
        begin = time.monotonic()
        svg = viz("--format=svg", "large.graph", "-o", "large.svg")
        took = time.monotonic() - begin
        need(took < 60, "%.1f s" % took)
        print("viz: 8,000 operations in %.1f s" % took)
        done = viz("--format=svg", "--depth=9", "large.graph", "-o", "all.svg", status=2)
        need("--depth" in done.stderr and not (folder / "all.svg").exists(), "no advice")
        need(viz("--format=dot", "--depth=9", "large.graph").stdout.count("MatMul") > 3000, "dot")

    def check_bad_input():
        (folder / "bad.graph").write_text("x = nothing\n")
        viz("bad.graph", "-o", "bad.svg", status=1)
        viz("missing.graph", "-o", "bad.svg", status=2)
        viz("shared.graph", "-o", "no/such/folder.svg", status=2)
        viz("shared.graph", "--format=png", status=2)
        viz("shared.graph", "--export=g", status=2)
        viz("shared.graph", "--depth=-1", status=2)
        need(not (folder / "bad.svg").exists(), "a file of a definition with errors")
        viz("--format=dot", "-", text=SHARED)
        viz("--format=dot", "-", text="")

    checks = [check_dot, check_names, check_bad_input]
    if not options.without_graphviz:
        checks += [check_svg, check_models, check_page, check_large]
    failed = 0
    for check in checks:
        with tempfile.TemporaryDirectory(prefix="graphc-viz-") as name:
            folder = pathlib.Path(name)
            (folder / "shared.graph").write_text(SHARED)
            try:
                check()
            except Failure as problem:
                failed += 1
                print("FAIL %s: %s" % (check.__name__, problem))
    print("viz: %d passed, %d failed" % (len(checks) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
