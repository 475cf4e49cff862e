#!/usr/bin/env python3
"""Runs what docs/ci.md puts into pipelines, as far as it can be run here.

    lint_ci_test.py --graphc PATH

The hooks of .pre-commit-hooks.yaml on staged files, the commands of the GitHub workflow and
the GitLab job without their containers, the problem matcher on real output, SARIF against the
published schema, and how fast the lint is.

The schema is that of the npm package @microsoft/jest-sarif, fetched once into --cache. Where it
can't be had, or python3-jsonschema is missing, what it requires is looked at by hand.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
FINDING = """with name_scope("tower"):
    w = get_variable("w", [2])
with variable_scope("a", reuse=AUTO_REUSE):
    v = get_variable("v", [2])
    v = get_variable("v", [2])
    with variable_scope("b", reuse=False):
        u = get_variable("ü"[:0] + "u", [2])  # graphc: ignore[W0206] made once, on purpose
"""


def shell(command, folder, environment):
    return subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def hooks():
    """{id: entry} of .pre-commit-hooks.yaml."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    return dict(re.findall(r"- id: (\S+)\n(?:  .*\n)*?  entry: (.*)\n", text))


def commands(path):
    """The graphc commands of a YAML file."""
    return re.findall(r"(graphc lint .*)", path.read_text())


def check_hooks(folder, environment):
    git = shell('git init -q . && git config user.email a@b && git config user.name n && '
                'git add staged.graph && git diff --cached --name-only', folder, environment)
    staged = [name for name in git.stdout.split() if re.search(r"\.graph$", name)]
    if staged != ["staged.graph"]:
        return "git lists %s" % staged
    for name, entry in sorted(hooks().items()):
        done = shell("%s %s" % (entry, " ".join(staged)), folder, environment)
        wanted = 1 if name == "graphc-lint" else 0
        if done.returncode != wanted:
            return "%s: status %d\n%s" % (entry, done.returncode, done.stderr)
    return None if len(hooks()) == 2 else "hooks: %s" % hooks()


def check_workflows(folder, environment):
    shell("graphc lint --write-baseline graphlint-baseline.json .", folder, environment)
    (folder / "new.graph").write_text('w = Variable(1.0, name="w")\nv = Variable(2.0, name="w")\n')
    found = commands(ROOT / "examples/ci/graphc-lint.yml") + \
        commands(ROOT / "examples/ci/gitlab-ci.yml")
    if len(found) != 3:
        return "%d commands" % len(found)
    for command in found:
        done = shell(command, folder, environment)
        if done.returncode != ("--fail-on=error" not in command):
            return "%s: status %d\n%s%s" % (command, done.returncode, done.stdout, done.stderr)
    if "::warning file=new.graph,line=2" not in shell(found[0], folder, environment).stdout:
        return "no annotation"
    results = json.loads((folder / "graphc.sarif").read_text())["runs"][0]["results"]
    if [r["ruleId"] for r in results if "suppressions" not in r] != ["W0201"]:
        return "the baseline does not hold: %s" % results
    cases = xml.etree.ElementTree.parse(folder / "graphc.xml").iter("failure")
    return None if [case.get("type") for case in cases] == ["W0201"] else "JUnit's failures"


def check_matcher(folder, environment):
    matcher = json.loads((ROOT / "examples/ci/problem-matcher.json").read_text())
    pattern = re.compile(matcher["problemMatcher"][0]["pattern"][0]["regexp"])
    output = shell("graphc lint staged.graph", folder, environment).stdout
    found = [m.groups() for m in map(pattern.match, output.splitlines()) if m]
    wanted = [("staged.graph", "2", "9", "warning", "W0203")]
    return None if [f[:5] for f in found][:1] == wanted else "it matches %s" % found


SCHEMA_PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SCHEMA_MEMBER = "package/lib/schemas/sarif-2.1.0-rtm.5.json"


def find_schema(cache):
    """The schema's path, or None."""
    kept = pathlib.Path(cache, "sarif-2.1.0.json") if cache else None
    if kept and kept.exists():
        return kept
    if not kept or not shutil.which("npm"):
        return None
    with tempfile.TemporaryDirectory(prefix="graphc-npm-") as folder:
        try:
            subprocess.run(["npm", "pack", "--silent", SCHEMA_PACKAGE], cwd=folder, check=True,
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            archive = next(pathlib.Path(folder).glob("*.tgz"))
            with tarfile.open(archive) as members:
                kept.write_bytes(members.extractfile(SCHEMA_MEMBER).read())
        except (subprocess.SubprocessError, OSError, KeyError, StopIteration):
            return None
    return kept


def check_sarif(folder, environment, schema):
    outputs = [shell("graphc lint --diagnostics=sarif staged.graph", folder, environment).stdout,
               shell("graphc lint --diagnostics=sarif missing.graph", folder, environment).stdout,
               shell("graphc lint --diagnostics=sarif", ROOT / "examples/lint_me",
                     environment).stdout]
    for text in outputs:
        log = json.loads(text)
        run = log["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        if log["version"] != "2.1.0" or run["columnKind"] != "unicodeCodePoints":
            return "version or columnKind"
        if len({rule["id"] for rule in rules}) != len(rules):
            return "a rule is declared twice"
        for result in run["results"]:
            if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
                return "ruleIndex"
            if not result["message"]["text"] or not result["partialFingerprints"]:
                return "message or fingerprints"
            for location in result["locations"]:
                if re.match(r"/|[a-z]+:|\./", location["physicalLocation"]["artifactLocation"]["uri"]):
                    return "a URI is not relative"
    first = json.loads(outputs[0])["runs"][0]["results"]
    if not any("fixes" in result for result in first):
        return "no fixes"
    reasons = [s.get("justification") for r in first for s in r.get("suppressions", [])]
    if reasons != ["made once, on purpose"]:
        return "suppressions: %s" % reasons
    if not schema:
        print("lint-ci: the schema of SARIF can't be had; looked at by hand")
        return None
    try:
        import jsonschema
    except ImportError:
        print("lint-ci: python3-jsonschema is not installed; SARIF looked at by hand")
        return None
    schema = json.loads(pathlib.Path(schema).read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    for text in outputs:
        for error in validator.iter_errors(json.loads(text)):
            return "the schema: %s at %s" % (error.message, list(error.path))
    return None


def definition(lines, imports):
    """A definition of that many lines, which uses all that it imports."""
    text = ["import \"part%d.graph\" as part%d" % (i, i) for i in range(imports)]
    text.append("first = x = placeholder(float32, [8, 8], name=\"x\")")
    text += ["x = part%d.layer(x)" % i for i in range(imports)]
    i = 0
    while len(text) < lines - 1:
        text += ["with variable_scope(\"layer%d\"):" % i,
                 "    w = get_variable(\"w\", [8, 8])",
                 "    x = relu(matmul(x, w))"]
        i += 1
    text.append("export f(x=first) -> (y=x)")
    return "\n".join(text) + "\n"


def cpu_of(command, folder, environment):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = shell(command, folder, environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done)


def check_speed(folder, environment):
    """Twice the lines take about twice the time; the figures stand in docs/lint.md."""
    for i in range(50):
        (folder / ("part%d.graph" % i)).write_text("def layer(x):\n    return x + %d.0\n" % i)
    times = []
    for lines in (10_000, 40_000):
        (folder / "big.graph").write_text(definition(lines, 50))
        best = min(cpu_of("graphc lint big.graph", folder, environment)[0] for _ in range(2))
        times.append(best)
    print("lint-ci: 10,000 lines %.3f s, 40,000 lines %.3f s of CPU" % tuple(times))
    return None if times[1] < 8 * times[0] + 0.1 else "it does not grow linearly: %s" % times


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("--cache", help="folder in which the schema of SARIF is kept")
    options = parser.parse_args()
    binary = pathlib.Path(options.graphc).resolve()
    environment = dict(os.environ, PATH="%s:%s" % (binary.parent, os.environ["PATH"]),
                       LC_ALL="C.UTF-8", GIT_CONFIG_NOSYSTEM="1")
    checks = {"hooks": check_hooks, "workflows": check_workflows, "matcher": check_matcher,
              "sarif": lambda f, e: check_sarif(f, e, find_schema(options.cache)), "speed": check_speed}
    failed = 0
    for name, check in checks.items():
        with tempfile.TemporaryDirectory(prefix="graphc-ci-") as folder:
            folder = pathlib.Path(folder)
            (folder / "staged.graph").write_text(FINDING)
            problem = check(folder, environment)
            if problem:
                failed += 1
                print("FAIL %s: %s" % (name, problem))
    print("lint-ci: %d passed, %d failed" % (len(checks) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
