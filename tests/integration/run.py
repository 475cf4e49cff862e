#!/usr/bin/env python3
"""Builds and runs the project in this folder as users would, against an installed graphc.

    run.py --prefix STAGE --source GRAPHC --build BUILD [SCENARIO]...

STAGE is an installation, GRAPHC graphc's source tree, BUILD its build tree (for what installs).
Every function `test_…` is a scenario; without one named all are run. The last line is
"integration: N passed, N failed".
"""

import argparse
import ast
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import machines
import weights
from case import (Case, EXPECTED, HERE, MODELS, Skipped, Wrong, expect, expect_equal, expect_in,
                  need)
# ---- The CMake package ----

def test_ninja_release(case):
    """find_package, Ninja, tests; and the program uses one static copy of the runtime."""
    case.configure(type="Release")
    case.make()
    case.check_program()
    case.check_program("build/two_models_c")
    case.run("ctest", "--test-dir", "build", "--output-on-failure")
    defined = case.run("nm", "--defined-only", "build/two_models")
    expect_equal(len(re.findall(r" T graphrt_create$", defined, re.M)), 1)


def test_make_debug_shared(case):
    """Make, Debug, BUILD_SHARED_LIBS: the models are shared libraries over the shared runtime."""
    case.configure("-DBUILD_SHARED_LIBS=ON", generator="Unix Makefiles", type="Debug")
    case.make("-j2")
    case.check_program()
    for binary in ("two_models", "libclassifier.so", "libsmoother.so"):
        defined = case.run("nm", "-D", "--defined-only", "build/" + binary)
        expect(" T graphrt_create" not in defined, "%s has a runtime of its own" % binary)
    case.run("ctest", "--test-dir", "build", "--output-on-failure")


def test_multi_config(case):
    """Ninja Multi-Config: one compiled model for all configurations."""
    case.configure(generator="Ninja Multi-Config", type=None)
    first = case.make("--config", "Debug")
    expect_in("Compiling classifier.graph", first)
    second = case.make("--config", "Release")
    expect("Compiling classifier.graph" not in second, "compiled twice:\n" + second)
    case.check_program("build/Debug/two_models")
    case.check_program("build/Release/two_models")


def test_objects_and_mixed(case):
    """OBJECT, and one model static while the other is shared: still one runtime."""
    project = case.project()
    case.configure("-DOBJECTS=ON", project=project, build="objects")
    case.make("--target", "two_models", build="objects")
    case.check_program("objects/two_models")
    case.configure("-DMIXED=ON", project=project, build="mixed")
    case.make("--target", "two_models", build="mixed")
    case.check_program("mixed/two_models")
    defined = case.run("nm", "-D", "--defined-only", "mixed/two_models")
    expect(" T graphrt_create" not in defined, "there are two runtimes")


def test_sanitizers_and_ipo(case):
    """A program built with sanitizers, and one with interprocedural optimization."""
    project = case.project()
    flags = "-fsanitize=address,undefined"
    case.configure("-DCMAKE_C_FLAGS=" + flags, "-DCMAKE_CXX_FLAGS=" + flags, project=project,
                   build="sanitized", type="Debug")
    case.make("--target", "two_models", build="sanitized")
    case.check_program("sanitized/two_models")
    case.configure("-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON", project=project, build="ipo")
    case.make("--target", "two_models", build="ipo")
    case.check_program("ipo/two_models")


def test_fetch_content(case):
    """FetchContent of the sources (add_subdirectory): the runtime is built with the program."""
    case.configure("-DGRAPHC_SOURCE=%s" % case.source, "-DGRAPHC_COMPILER=OFF",
                   "-DGRAPHC_EXECUTABLE=%s" % (case.prefix / "bin/graphc"), prefix=False)
    case.make("-j2", "--target", "two_models")
    case.check_program()
    expect(not (case.folder / "build/bin").exists(), "outputs beside the user's own")

    # With the compiler: it is built first, where its libraries are found.
    case.configure("-DGRAPHC_SOURCE=%s" % case.source, project=case.folder / "project",
                   prefix=False, build="whole")
    said = case.run("ninja", "-C", "whole", "-t", "commands", "two_models")
    expect_in("_deps/graphc-build/bin/graphc build", said)
    expect("gtest" not in said, "graphc's tests are built")


def stamps(case, build):
    names = ["classifier.graphc/classifier.o", "smoother.graphc/smoother.o",
             "CMakeFiles/two_models.dir/main.cpp.o", "two_models"]
    return {name: (case.folder / build / name).stat().st_mtime_ns for name in names}


def changed(case, build, before):
    return sorted(name for name, at in stamps(case, build).items() if at != before[name])


def edit(path, old, new):
    time.sleep(0.01)  # the clock of the file system is coarse
    text = path.read_text()
    expect(old in text, "%s has no %s" % (path, old))
    path.write_text(text.replace(old, new))


def incremental(case, generator):
    project = case.project()
    case.configure(project=project, generator=generator)
    case.make()
    before = stamps(case, "build")
    again = case.make()
    expect_equal(changed(case, "build", before), [])
    expect("Compiling" not in again and "Building" not in again and "Linking" not in again,
           "something is done again:\n" + again)

    # An imported file: its model and what links it, and no program's source, for the interface is
    # the same.
    edit(project / "layers.graph", "constant_initializer(0.5)", "constant_initializer(1.0)")
    case.make()
    expect_equal(changed(case, "build", before),
                 ["classifier.graphc/classifier.o", "two_models"])
    expect_in("6 6\n", case.run(case.folder / "build/two_models"))
    before = stamps(case, "build")
    case.make()
    expect_equal(changed(case, "build", before), [])

    # The interface: what includes it, too.
    edit(project / "classifier.graph", "export train_step() -> (scale=step)",
         "export train_step() -> (all=step)")
    case.make()
    expect_equal(changed(case, "build", before), ["CMakeFiles/two_models.dir/main.cpp.o",
                                                  "classifier.graphc/classifier.o", "two_models"])


def test_incremental_ninja(case):
    """Touching nothing rebuilds nothing; an import rebuilds exactly what needs it."""
    incremental(case, "Ninja")


def test_incremental_make(case):
    incremental(case, "Unix Makefiles")


def test_failing_model(case):
    """A model with an error fails the build once, with graphc's message; nothing is left."""
    project = case.project()
    (project / "classifier.graph").write_text("x = placeholder(float32, [2])\ny = x + [1, 2, 3]\n")
    case.configure(project=project)
    said = case.make("--", "-k0", status=None)
    expect_equal(said.count("error[E0301]"), 1)
    expect_in("%s:2:5: error[E0301]" % (project / "classifier.graph"), said)
    left = [path.name for path in (case.folder / "build/classifier.graphc").rglob("*")
            if path.is_file() and path.name != "main.c"]
    expect_equal(left, [])


def test_wrong_use(case):
    """What is wrong in a CMakeLists.txt is said when it is configured."""
    (case.folder / "p").mkdir()
    for line, words in (
            ("find_package(graphc 2.0 REQUIRED)", "requested version"),
            ("find_package(graphc 1.0 REQUIRED COMPONENTS tol)", "no component 'tol'"),
            ("find_package(graphc 1.0 REQUIRED)\ngraphc_add_library(m GRAF m.graph)", "GRAF"),
            ("find_package(graphc 1.0 REQUIRED)\ngraphc_add_library(a-b GRAPH m.graph)",
             "no identifier"),
            ("find_package(graphc 1.0 REQUIRED)\ngraphc_add_lint(m)", "not made by")):
        (case.folder / "p/CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(p C)\n%s\n" % line)
        expect_in(words, " ".join(case.configure(project=case.folder / "p", status=1).split()))
        shutil.rmtree(case.folder / "build")


# ---- Installing ----

def test_moved_and_staged(case):
    """DESTDIR; an installation that was moved after that; its runtime alone, with another's tool."""
    case.run("cmake", "--install", case.graphc_build, "--prefix", "/opt/graphc",
             DESTDIR=str(case.folder / "root"))
    expect((case.folder / "root/opt/graphc/bin/graphc").exists(), "nothing under DESTDIR")
    moved = case.folder / "moved"
    (case.folder / "root/opt/graphc").rename(moved)
    said = case.run(moved / "bin/graphc", "--version", PATH="/usr/bin:/bin")
    expect_equal(said, "graphc 1.0.0\n")
    case.configure(prefix=moved)
    case.make("--target", "two_models")
    case.check_program()

    alone = case.folder / "alone"
    for component in ("runtime", "dev"):
        case.run("cmake", "--install", case.graphc_build, "--prefix", alone, "--component",
                 component)
    expect(not (alone / "bin").exists(), "the runtime alone has programs")
    case.environment["PATH"] = os.environ["PATH"]
    project = case.folder / "project"
    said = case.configure(project=project, prefix=alone, build="without", status=1)
    expect_in("GRAPHC_EXECUTABLE", said)
    case.configure("-DGRAPHC_EXECUTABLE=%s" % (moved / "bin/graphc"), project=project, prefix=alone,
                   build="with")
    case.make("--target", "two_models", build="with")
    case.check_program("with/two_models")


def npy(path, dtype, shape, text, fortran=False):
    """A .npy file; `text` are its bytes."""
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (dtype, fortran, shape)
    head = head.ljust((10 + len(head) + 64) // 64 * 64 - 11) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + text)


# ---- Without a compiler ----

def test_exe(case):
    """--emit=exe: a program that answers as `graphc run` does, and refuses what does not fit."""
    project = case.project()
    case.run("graphc", "build", project / "classifier.graph", "--emit=exe", "-o", "out",
             PATH=str(case.prefix / "bin"))
    program = case.folder / "out/classifier"
    for words in (("--in", "x=random", "--dim", "N=3", "--seed", "5"), ("--in", "x=ones")):
        expect_equal(case.run(program, "predict", *words),
                     case.run("graphc", "run", project / "classifier.graph", "predict", *words)
                     .replace("graphc: ", "classifier: "))

    # What was trained is kept.
    case.run(program, "train_step", "--repeat", "2", "--save", "w.safetensors")
    expect_equal(case.run(program, "predict", "--in", "x=ones", "--dim=N=1", "--weights",
                          "w.safetensors"), "y: float32 (1, 2)\n[[4.5, 4.5]]\n")

    values = struct.pack("<6f", 1, 2, 3, 4, 5, 6)
    npy(case.folder / "c.npy", "<f4", (2, 3), values)
    npy(case.folder / "big.npy", ">f4", (2, 3), struct.pack(">6f", 1, 2, 3, 4, 5, 6))
    npy(case.folder / "fortran.npy", "<f4", (2, 3), struct.pack("<6f", 1, 4, 2, 5, 3, 6), True)
    case.run(program, "predict", "--in", "x=c.npy", "--out", "y=y.npy")
    for name in ("big", "fortran"):
        case.run(program, "predict", "--in", "x=%s.npy" % name, "--expect", "y=y.npy", "--rtol=0",
                 "--atol=0")

    npy(case.folder / "wide.npy", "<f4", (2, 4), values + values[:8])
    npy(case.folder / "double.npy", "<f8", (2, 3), values + values)
    npy(case.folder / "short.npy", "<f4", (2, 3), values[:20])
    npy(case.folder / "long.npy", "<f4", (2, 3), values + values)
    npy(case.folder / "huge.npy", "<f4", (2 ** 40, 2 ** 40), values)
    npy(case.folder / "claims.npy", "<f4", (2 ** 40, 3), values)
    (case.folder / "text.npy").write_text("1 2 3")
    (case.folder / "cut.npy").write_bytes((case.folder / "c.npy").read_bytes()[:20])
    before = sorted(path.name for path in case.folder.iterdir())
    for words, answer in (
            (["predict", "--in", "x=wide.npy"], "the file holds (2, 4), which does not fit"),
            (["predict", "--in", "x=double.npy"], "is float32, but the file holds float64"),
            (["predict", "--in", "x=short.npy"], "is cut off"),
            (["predict", "--in", "x=long.npy"], "goes on after the 24 bytes"),
            (["predict", "--in", "x=huge.npy"], "claims a shape whose size overflows"),
            (["predict", "--in", "x=claims.npy"], "is cut off"),
            (["predict", "--in", "x=text.npy"], "is not a .npy file"),
            (["predict", "--in", "x=cut.npy"], "has a header that is cut off"),
            (["predict", "--in", "x=none.npy"], "can't be read: No such file"),
            (["predict"], "input 'x' is missing"),
            (["predict", "--in", "z=ones"], "has no input 'z'"),
            (["predict", "--in", "x=ones", "--dim", "M=1"], "has no dimension 'M'"),
            (["predict", "--in", "x=c.npy", "--dim", "N=3"], "--dim N is 3, but an input has 2"),
            (["predict", "--in", "x=c.npy", "--weights", "c.npy"], "c.npy"),
            (["predict", "--in", "x=c.npy", "--out", "y=no/y.npy"], "can't write 'no/y.npy'"),
            (["predct"], "there is no export 'predct'"),
            (["predict", "--inn", "x=ones"], "there is no option --inn"),
            (["predict", "--seed", "x"], "--seed takes a number"),
            (["predict", "--in"], "--in takes NAME=VALUE"),
            ([], "which export?")):
        expect_in(answer, case.run(program, *words, status=2))
    expect_equal(sorted(path.name for path in case.folder.iterdir()), before)

    said = case.run("graphc", "build", project / "classifier.graph", "--emit=exe,header", "-o", "no",
                    status=2, GRAPHC_LIBC="/nowhere")
    expect_in("install libc6-dev", said)
    expect(not (case.folder / "no").exists(), "something was written")


def test_shared(case):
    """--emit=shared: needs nothing but libc and libm, and several can be loaded side by side."""
    project = case.project()
    for name in ("classifier", "smoother"):
        case.run("graphc", "build", project / (name + ".graph"), "--emit=shared,header", "-o", "out")
    needed = set(re.findall(r"NEEDED\s+(\S+)", case.run("objdump", "-p", "out/libclassifier.so")))
    expect_equal(sorted(needed), ["libc.so.6", "libm.so.6"])
    case.run("cc", "-I", "out", "-I", case.prefix / "include", project / "main.c", "-Lout",
             "-lclassifier", "-lsmoother", "-Wl,-rpath,out", "-o", "program")
    case.check_program("program")


# ---- Other builds ----

def builds(case):
    place = case.folder / "builds"
    shutil.copytree(case.source / "examples/builds", place)
    return place


def shared_runtime(case):
    """As if ldconfig had been told of the installation."""
    return {"LD_LIBRARY_PATH": str(case.prefix / "lib")}


def test_make(case):
    """Plain Make with pkg-config: builds, does nothing again, follows an import."""
    need("make", "pkg-config")
    place = builds(case)
    case.run("make", "-j2", cwd=place)
    case.check_program("builds/out/two_models", **shared_runtime(case))
    expect_in("up to date", case.run("make", cwd=place))
    edit(place / "layers.graph", "constant_initializer(0.5)", "constant_initializer(1.0)")
    said = case.run("make", cwd=place)
    expect("smoother.graph" not in said, "built for nothing:\n" + said)
    expect_in("6 6\n", case.run(place / "out/two_models", **shared_runtime(case)))


def test_meson(case):
    """Meson with pkg-config."""
    need("meson", "ninja", "pkg-config")
    place = builds(case)
    case.run("meson", "setup", "out", cwd=place)
    case.run("ninja", "-C", "out", cwd=place)
    case.check_program("builds/out/two_models", **shared_runtime(case))
    expect_in("no work to do", case.run("ninja", "-C", "out", cwd=place))
    edit(place / "layers.graph", "constant_initializer(0.5)", "constant_initializer(1.0)")
    said = case.run("ninja", "-v", "-C", "out", cwd=place)
    expect("smoother.graph" not in said, "built for nothing:\n" + said)
    expect_in("6 6\n", case.run(place / "out/two_models", **shared_runtime(case)))


def test_failing_elsewhere(case):
    """With Make and Meson too, a model with an error is said once and leaves nothing."""
    need("make", "meson", "ninja", "pkg-config")
    place = builds(case)
    (place / "classifier.graph").write_text("x = placeholder(float32, [2])\ny = x + [1, 2, 3]\n")
    case.run("meson", "setup", "meson", cwd=place)
    for folder, model, command in (
            ("out", "classifier.graph", ["make", "-k", "-j4"]),
            ("meson", "../classifier.graph", ["ninja", "-C", "meson", "-k0"])):
        said = case.run(*command, cwd=place, status=None)
        expect_equal(said.count("error[E0301]"), 1)
        expect_in("\n%s:2:5: error[E0301]" % model, said)
        expect_equal([str(path) for path in (place / folder).rglob("*classifier*")], [])


def bazel_2(case, place, program):
    """Bazel 2.1: builds, builds again only what changed, and shares results through a cache."""
    (place / "WORKSPACE").write_text('workspace(name = "two_models")\n')
    (case.folder / "cache").mkdir()

    def build(root):
        said = case.run(program, "--output_user_root=%s" % (case.folder / root), "--max_idle_secs=1",
                        "build", ":two_models", "--color=no", "--curses=no",
                        *["--override_repository=%s=%s" % (name, HERE / "bazel" / name)
                          for name in ("rules_cc", "rules_java")],
                        "--incompatible_enable_cc_toolchain_resolution",
                        "--disk_cache=%s" % (case.folder / "cache"),
                        "--action_env=PATH=" + case.environment["PATH"],
                        "--action_env=CPATH=%s" % (case.prefix / "include"),
                        "--action_env=LIBRARY_PATH=%s" % (case.prefix / "lib"), cwd=place,
                        HOME=str(case.folder))
        return re.search(r"INFO: (\d+ process.*)\.", said).group(1)

    expect_in("sandbox", build("one"))
    expect_equal(case.run(place / "bazel-bin/two_models", **shared_runtime(case)), EXPECTED)
    expect_equal(build("one"), "0 processes")
    edit(place / "layers.graph", "constant_initializer(0.5)", "constant_initializer(1.0)")
    expect_equal(build("one").split()[0], "2")  # the model that imports it, and the program
    expect_in("6 6\n", case.run(place / "bazel-bin/two_models", **shared_runtime(case)))
    edit(place / "layers.graph", "constant_initializer(1.0)", "constant_initializer(0.5)")
    again = build("two")
    expect(re.search(r"(\d+) remote cache hit$", again) and "sandbox" not in again,
           "built, not taken from the cache: " + again)


def test_bazel(case):
    """Bazel's files: built where Bazel is, else parsed: Starlark is a part of Python's syntax."""
    place = builds(case)
    if shutil.which("bazel"):
        case.run("bazel", "build", ":two_models", cwd=place)
        return
    old = pathlib.Path(os.environ.get("GRAPHC_BAZEL") or
                       os.path.expanduser("~/.cache/graphc/bazel")) / "bazel"
    if old.exists():
        bazel_2(case, place, old)
        return
    calls = {}
    for name in ("MODULE.bazel", "BUILD.bazel", "graphc.bzl"):
        for node in ast.walk(ast.parse((place / name).read_text(), name)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                calls.setdefault(node.func.id, []).append(node)
    rule, = calls["rule"]
    attributes, = [set(map(ast.literal_eval, word.value.keys)) for word in rule.keywords
                   if word.arg == "attrs"]
    expect_equal(len(calls["graphc_library"]), 2)
    for call in calls["graphc_library"]:
        words = {word.arg: word.value for word in call.keywords}
        expect(set(words) - {"name"} <= attributes, "unknown attributes in %s" % sorted(words))
        for word in ("graph", "imports"):
            files = ast.literal_eval(words[word]) if word in words else []
            for file in files if isinstance(files, list) else [files]:
                expect((place / file).exists(), "there is no " + file)


def test_debian_source(case):
    """The skeleton of a Debian source package: its files are understood, its rules build."""
    need("dpkg-parsechangelog", "dpkg-source", "make")
    place = builds(case)
    expect_in("Source: two-models", case.run("dpkg-parsechangelog", cwd=place))
    case.run("dpkg-source", "--before-build", ".", cwd=place)
    case.run("dpkg-source", "-b", "builds")
    expect((case.folder / "two-models_1.0.dsc").exists(), "no source package was made")
    if shutil.which("dh"):
        case.run("debian/rules", "build", cwd=place)
        case.check_program("builds/out/two_models", **shared_runtime(case))


# ---- Python ----

def python_with_numpy():
    for program in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(program) and not subprocess.run(
                [program, "-c", "import numpy"], capture_output=True).returncode:
            return program
    raise Skipped("no Python with NumPy (python3-numpy)")


def test_python(case):
    """The Python module, as installed, and what docs/building.md shows of it."""
    python = python_with_numpy()
    project = case.project()
    for name in ("classifier", "smoother"):
        case.run("graphc", "build", project / (name + ".graph"), "--emit=shared", "-o", "out")
    module = {"PYTHONPATH": str(case.prefix / "share/graphc/python"),
              "PYTHONDONTWRITEBYTECODE": "1"}
    case.run(python, HERE / "python/graphrt_test.py", case.folder / "out", **module)

    sys.path.insert(0, str(HERE.parent))
    from markdown import blocks
    shown = {block.values.get("file", ""): block.text
             for block in blocks((case.source / "docs/building.md").read_text())}
    for name in ("lenet.graph", "use.py"):
        (case.folder / name).write_text(shown[name])
    case.run("graphc", "build", "lenet.graph", "--emit=shared")
    expect_equal(case.run(python, "use.py", **module), shown["use.py.out"])


# ---- The interface between compiled code and the runtime ----

def test_interface_stamp(case):
    """A runtime of another interface is an error when linking or loading, not a crash."""
    project = case.project()
    case.run("graphc", "build", project / "smoother.graph", "--emit=static,header,object", "-o",
             "out")
    (case.folder / "main.c").write_text(
        '#include "smoother.h"\nint main(void) { smoother *s; return smoother_create(0, &s); }\n')
    case.run("objcopy", "--redefine-sym", "graphrt_interface_1=graphrt_interface_2",
             case.prefix / "lib/libgraphrt.a", "libgraphrt.a")
    compile = ("cc", "-I", "out", "-I", case.prefix / "include", "main.c", "out/libsmoother.a")
    said = case.run(*compile, "libgraphrt.a", "-lm", "-lpthread", status=1)
    expect_in("graphrt_interface_1", said)

    # The same at run time: another library in the place of the one that was linked against.
    case.run(*compile, "-L", case.prefix / "lib", "-lgraphrt", "-o", "program")
    case.run(case.folder / "program", **shared_runtime(case))
    (case.folder / "other").mkdir()
    case.run("cc", "-shared", "-o", "other/libgraphrt.so.1", "-Wl,-soname,libgraphrt.so.1",
             "-Wl,--whole-archive", "libgraphrt.a", "-Wl,--no-whole-archive", "-lm")
    said = case.run(case.folder / "program", status=127, LD_LIBRARY_PATH="other", LD_BIND_NOW="1")
    expect_in("undefined symbol: graphrt_interface_1", said)


# ---- The same input, the same bytes ----

KINDS = "object,static,header,shared,exe,llvm-ir,bitcode,asm,graph"


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_reproducible(case):
    """Folders, locales, times, users and umasks leave no trace; nor does the order of the kinds."""
    made = []
    for number, (place, variables) in enumerate((
            ("one", {}),
            ("two/far/away", {"LC_ALL": "C", "TZ": "Asia/Kolkata", "HOME": "/nowhere",
                              "USER": "someone", "SOURCE_DATE_EPOCH": "1"}),
            ("with a space", {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TMPDIR": "."}))):
        folder = case.folder / place
        case.project(folder)
        for path in folder.glob("*.graph"):
            os.utime(path, (number * 1e8, number * 1e8))
        kinds = KINDS if number != 1 else ",".join(reversed(KINDS.split(",")))
        source = "classifier.graph" if number else folder / "classifier.graph"
        case.run("sh", "-c", "umask 0%d; exec graphc build '%s' -o out --emit=%s" % (
            [22, 77, 2][number], source, kinds), cwd=folder, **variables)
        made.append(files_of(folder / "out"))
    expect_equal(len(made[0]), 10)
    for other in made[1:]:
        expect_equal(sorted(other), sorted(made[0]))
        for name, content in made[0].items():
            expect(other[name] == content, "%s differs" % name)


def test_cached(case):
    """Two build trees in different folders share what ccache keeps: everything but links."""
    need("ccache")
    cache = dict(CCACHE_DIR=str(case.folder / "cache"), CCACHE_BASEDIR=str(case.folder),
                 CCACHE_NOHASHDIR="1")
    case.environment.pop("CCACHE_DISABLE")
    libraries = []
    for name in ("one", "two"):
        case.configure("-DCMAKE_C_COMPILER_LAUNCHER=ccache",
                       "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache",
                       project=case.project(name + "/project"), build=name + "/build")
        case.run("ccache", "-z", **cache)
        case.make("--target", "two_models", "two_models_c", build=name + "/build", **cache)
        counted = dict(line.split("\t") for line in
                       case.run("ccache", "--print-stats", **cache).splitlines())
        hits = int(counted["direct_cache_hit"]) + int(counted["preprocessed_cache_hit"])
        expect_equal((hits, int(counted["cache_miss"])), (0, 2) if name == "one" else (2, 0))
        libraries.append((case.folder / name / "build/libclassifier.a").read_bytes())
    expect(libraries[0] == libraries[1], "the libraries differ")


def test_side_by_side(case):
    """Builds of the same model into the same folder at the same time leave whole files."""
    project = case.project()
    words = ["graphc", "build", str(project / "classifier.graph"), "-o", "out",
             "--emit=static,header,shared"]
    case.run(*words)
    wanted = files_of(case.folder / "out")
    running = [subprocess.Popen(words, cwd=case.folder, env=case.environment) for _ in range(6)]
    while any(process.poll() is None for process in running):
        for name, content in wanted.items():
            expect((case.folder / "out" / name).read_bytes() == content, name + " is not whole")
    expect_equal([process.returncode for process in running], [0] * 6)
    expect_equal(sorted(files_of(case.folder / "out")), sorted(wanted))


# ---- Packages ----

def test_packages(case):
    """The Debian packages: three parts, which work as they are unpacked."""
    need("dpkg-deb", "dpkg-shlibdeps")
    case.run("cpack", "-G", "DEB", "--config", case.graphc_build / "CPackConfig.cmake", "-B",
             case.folder / "packages", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=none", "-D",
             "CPACK_STRIP_FILES=OFF")
    found = {path.name.split("_")[0]: path for path in (case.folder / "packages").glob("*.deb")}
    expect_equal(sorted(found), ["graphc", "graphc-dev", "graphc-runtime"])

    def field(package, name):
        return case.run("dpkg-deb", "-f", found[package], name).strip()
    listed = {name: set(re.findall(r"\./(\S*[^/\s])$", case.run("dpkg-deb", "-c", path), re.M))
              for name, path in found.items()}
    for a, b in (("graphc", "graphc-dev"), ("graphc", "graphc-runtime"),
                 ("graphc-dev", "graphc-runtime")):
        expect(not {f for f in listed[a] & listed[b] if not f.endswith("/")},
               "both in %s and %s" % (a, b))
    expect("usr/bin/graphc" in listed["graphc"], "no tool")
    expect_equal(field("graphc-runtime", "Version"), "1.0.0")
    expect_in("libc6", field("graphc-runtime", "Depends"))
    expect_in("graphc-runtime (= 1.0.0)", field("graphc-dev", "Depends"))
    expect_in("libllvm19", field("graphc", "Depends"))

    root = case.folder / "root"
    for path in found.values():
        case.run("dpkg-deb", "-x", path, root)
    case.environment["PATH"] = "%s/usr/bin:%s" % (root, os.environ["PATH"])
    expect_equal(case.run("graphc", "--version"), "graphc 1.0.0\n")
    case.run("graphc", "run", MODELS / "smoother.graph", "smooth", "--in", "x=ones")

    # The runtime's package alone is what a program needs.
    case.configure("-DBUILD_SHARED_LIBS=ON", "-DCMAKE_SKIP_RPATH=ON", prefix=root / "usr")
    case.make("--target", "two_models")
    bare = case.folder / "bare"
    case.run("dpkg-deb", "-x", found["graphc-runtime"], bare)
    case.check_program(LD_LIBRARY_PATH="%s/usr/lib:%s/build" % (bare, case.folder))


# ---- Lint ----

def test_lint(case):
    """graphc_add_lint: findings are shown once, and end the build where that is asked for."""
    project = case.project()
    (project / "smoother.graph").write_text(
        'import "layers.graph"\n' + (project / "smoother.graph").read_text())
    case.configure("-DFAIL_ON=error", project=project)
    said = case.make()
    expect_in("%s:1:" % (project / "smoother.graph"), said)
    expect_in("W0303", said)
    expect("W0303" not in case.make(), "said again though nothing changed")
    edit(project / "layers.graph", "constant_initializer(0.5)", "constant_initializer(1.0)")
    expect_in("Linting smoother", case.make())

    case.configure("-DFAIL_ON=warning", project=project)
    expect_in("W0303", case.make(status=None))
    expect_in("W0303", case.make(status=None))
    edit(project / "smoother.graph", 'import "layers.graph"\n', "")
    case.make()
    expect("Linting" not in case.make(), "linted again though nothing changed")


# ---- Manual pages and completion ----

def test_pages(case):
    """Every command has a manual page with all its options; completion knows commands and options."""
    commands = re.findall(r"^  (\w+) ", case.run("graphc", "--help"), re.M)
    expect("build" in commands, "no commands are listed")
    share = case.prefix / "share"
    for command in commands:
        page = share / "man/man1" / ("graphc-%s.1" % command)
        text = page.read_text().replace("\\-", "-")
        for option in re.findall(r"(--[a-z-]+)", case.run("graphc", command, "--help")):
            expect_in("\\fB%s\\fR" % option, text)
        expect_in("graphc-" + command, (share / "man/man1/graphc.1").read_text().replace("\\-", "-"))
    if shutil.which("groff"):
        for page in (share / "man/man1").glob("graphc*.1"):
            expect_equal(case.run("groff", "-man", "-ww", "-z", page), "")

    def complete(*words):
        script = share / "bash-completion/completions/graphc"
        return case.run("bash", "-c", "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _graphc; "
                        "printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
                            script, " ".join("'%s'" % word for word in words), len(words) - 1)).split()
    expect("build" in complete("graphc", "bu"), "bash does not complete commands")
    expect_equal(complete("graphc", "build", "--dep"), ["--depfile"])
    expect_equal(complete("graphc", "check", "--diagnostics", "=", "js"), ["json"])
    (case.folder / "model.graph").write_text("")
    expect_equal(complete("graphc", "check", "mod"), ["model.graph"])
    for shell, file in (("zsh", "zsh/vendor-completions/_graphc"),
                        ("fish", "fish/vendor_completions.d/graphc.fish")):
        text = (share / file).read_text()
        for words in commands + ["depfile"]:
            expect_in(words, text)
        if shutil.which(shell):
            case.run(shell, "-n", share / file)


# ---- Other languages ----

def test_mdspan(case):
    """NAME.hpp with std::mdspan, by a compiler whose library has it."""
    project = case.project()
    (case.folder / "probe.cpp").write_text(
        "#include <version>\n#ifndef __cpp_lib_mdspan\n#error none\n#endif\n")
    for words in (["c++", "-std=c++23"], ["clang++-19", "-std=c++23", "-stdlib=libc++"]):
        if shutil.which(words[0]) and not subprocess.run(
                [*words, "-fsyntax-only", case.folder / "probe.cpp"], capture_output=True).returncode:
            break
    else:
        raise Skipped("no compiler here has std::mdspan (clang-19 with libc++-19-dev)")
    case.run("graphc", "build", project / "views.graph", "-o", "out")
    case.run(*words, "-Wall", "-Wextra", "-Wconversion", "-Werror", "-Iout", "-I",
             case.prefix / "include", project / "views.cpp", "out/libviews.a",
             case.prefix / "lib/libgraphrt.a", "-lm", "-o", "out/main")
    expect_equal(case.run("out/main"), "18 74 46 1\n"
                 "sums: the array has shape (3, 2), not (2, 3)\n"
                 "mask: the array has shape (3), not (2)\n")


def test_rust(case):
    """examples/bindings/rust, as its README says."""
    need("rustc")
    case.run("graphc", "build", case.source / "examples/builds/classifier.graph", "--emit=shared",
             "-o", "out")
    case.run("rustc", "-O", case.source / "examples/bindings/rust/main.rs", "-L", "out", "-l",
             "classifier", "-o", "out/main")
    expect_equal(case.run("out/main", LD_LIBRARY_PATH="out"), "[[3.0, 3.0], [1.0, 1.0]]\n[]\n")


def test_node(case):
    """examples/bindings/node, as its README says."""
    need("node")
    headers = next((f for f in ("/usr/include/node", "/usr/local/include/node")
                    if os.path.exists(f + "/node_api.h")), None)
    if not headers:
        raise Skipped("node_api.h is not installed (libnode-dev)")
    place = case.source / "examples/bindings/node"
    case.run("graphc", "build", case.source / "examples/builds/classifier.graph", "--emit=shared",
             "-o", "out")
    case.run("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I", headers,
             place / "graphrt.c", "-I", case.prefix / "include", case.prefix / "lib/libgraphrt.a",
             "-lm", "-o", "out/graphrt.node")
    expect_equal(case.run("node", place / "main.js", "out"),
                 "predict train_step\n3 3 1 1\n"
                 "TypeError: input 'x' is an array of float32\n"
                 "RangeError: input 'x' has another number of elements\n"
                 "Error: another number of inputs is taken\n")


def scenarios():
    return {name[5:]: value for module in (globals(), vars(machines), vars(weights))
            for name, value in module.items() if name.startswith("test_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("prefix", "source", "build"):
        parser.add_argument("--" + name, required=True, type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--list", action="store_true")
    parser.add_argument("scenario", nargs="*")
    options = parser.parse_args()
    known = scenarios()
    failed = skipped = 0
    names = options.scenario or list(known)
    for name in names:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="graphc-integration-") as folder:
            try:
                known[name](Case(options, os.path.realpath(folder)))
                print("ok   %s (%.1f s)" % (name, time.monotonic() - begin))
            except Skipped as why:
                skipped += 1
                print("skip %s: %s" % (name, why))
            except (Wrong, subprocess.SubprocessError, OSError) as why:
                failed += 1
                print("FAIL %s: %s" % (name, why))
                if not isinstance(why, Wrong):
                    traceback.print_exc()
        sys.stdout.flush()
    print("integration: %d passed, %d failed" % (len(names) - failed - skipped, failed))
    if failed:
        return 1
    return 77 if skipped == len(names) else 0


if __name__ == "__main__":
    sys.exit(main())
