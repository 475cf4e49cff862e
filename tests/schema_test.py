#!/usr/bin/env python3
"""Checks what graphc writes as JSON against docs/schemas.

    schema_test.py --graphc PATH

Definitions of the repository and some made for it go through `inspect`, `lint`,
`check` and `diff`. What is written must fit the schema, and the schema must know
every key of it; each schema must also refuse what lacks a key.
"""

import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = 77

SHARED = """\
def layer(x):
    w = get_variable("w", [4, 4])
    return matmul(x, w) + get_variable("b", [4])

x = placeholder(float32, [None, 4], name="x")
any_rank = placeholder(float32, name="any")
a = placeholder(float32, [1000000, 1000000], name="a")
huge = matmul(a, matmul(a, a))
y = x
for step in range(3):
    with variable_scope("layer", reuse=AUTO_REUSE):
        y = layer(y)
loss = reduce_mean(square(y))
dy = gradients(loss, trainable_variables())
export f(x=x, any=any_rank, a=a) -> (y=y, square=square(any_rank), dy=dy[0], sum=reduce_sum(matmul(huge, huge)))
"""

FINDINGS = """\
import "shared.graph" as unused
with name_scope("tower"):
    w = get_variable("w", [2, 2])
with variable_scope("net"):
    with variable_scope("head"):
        v = get_variable("v", [2])
with variable_scope("net", reuse=True):
    with variable_scope("head", reuse=False):
        again = get_variable("v", [2])
"""


def strict(schema):
    """The schema, which allows of no key that it does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        made["additionalProperties"] = False
    return made


def read_schema(name, validators):
    """Validators of the schema, and of the strict one."""
    schema = json.loads((ROOT / "docs/schemas" / (name + ".schema.json")).read_text())
    kind = validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema), kind(strict(schema))


def problem_of(validators, value):
    for validator in validators:
        for error in validator.iter_errors(value):
            return "%s at %s" % (error.message[:200], list(error.absolute_path))
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    graphc = str(pathlib.Path(parser.parse_args().graphc).resolve())
    try:
        from jsonschema import validators
    except ImportError:
        print("schemas: python3-jsonschema is not installed")
        return SKIPPED
    inspect = read_schema("inspect", validators)
    diagnostics = read_schema("diagnostics", validators)

    checked, wrong = [], []

    def check(schema, folder, *arguments, stream="stdout"):
        done = subprocess.run([graphc, *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        text = getattr(done, stream)
        if stream == "stderr":
            text = text.strip().splitlines()[-1]
        try:
            value = json.loads(text)
        except ValueError:
            wrong.append("%s: no JSON: %s" % (" ".join(arguments), text[:200]))
            return None
        problem = problem_of(schema, value)
        if problem:
            wrong.append("%s: %s" % (" ".join(arguments), problem))
        checked.append(value)
        return value

    with tempfile.TemporaryDirectory(prefix="graphc-schema-") as name:
        folder = pathlib.Path(name)
        (folder / "shared.graph").write_text(SHARED)
        (folder / "findings.graph").write_text(FINDINGS)
        (folder / "twice.graph").write_text('a = get_variable("a", [1])\na = get_variable("a", [1])\n')
        whole = check(inspect, folder, "inspect", "--format=json", "--sharing", "--cost",
                      "shared.graph")
        found = check(diagnostics, folder, "lint", "--diagnostics=json", "findings.graph")
        check(diagnostics, folder, "lint", "--diagnostics=json", "missing.graph")
        check(diagnostics, folder, "check", "--diagnostics=json", "twice.graph", stream="stderr")
        check(diagnostics, folder, "diff", "--diagnostics=json", "shared.graph", "findings.graph")
        check(diagnostics, folder, "lint", "--diagnostics=json", "shared.graph")
        check(diagnostics, ROOT, "lint", "--diagnostics=json", "examples/lint_me")
        for path in sorted(ROOT.glob("examples/*/*.graph")):
            known = subprocess.run([graphc, "check", path], capture_output=True, text=True)
            if known.returncode == 0:
                check(inspect, ROOT, "inspect", "--format=json", "--sharing", "--cost",
                      str(path.relative_to(ROOT)))

        if whole and found:
            if not any("fixes" in d for d in found["diagnostics"]):
                wrong.append("findings.graph has no fix to look at")
            if not whole["sharing"] or not any(row.get("incomplete") for row in
                                               whole["cost"]["operations"]):
                wrong.append("shared.graph shows too little")
            # What lacks a key does not fit.
            for value, schema in ((whole, inspect), (found, diagnostics)):
                for key in list(value):
                    less = {k: v for k, v in value.items() if k != key}
                    if key not in ("sharing", "cost") and not problem_of(schema[:1], less):
                        wrong.append("the schema does not miss %r" % key)
            for key in list(whole["variables"][0]):
                less = copy.deepcopy(whole)
                del less["variables"][0][key]
                if not problem_of(inspect[:1], less):
                    wrong.append("the schema does not miss %r of a variable" % key)

    for problem in wrong:
        print("FAIL " + problem)
    print("schemas: %d outputs, %d problems" % (len(checked), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
