#!/usr/bin/env python3
"""Builds and runs the project in this folder as users would, against an installed graphc.

    run.py --prefix STAGE --source GRAPHC --build BUILD [SCENARIO]...

STAGE is an installation, GRAPHC graphc's source tree, BUILD its build tree (for what installs).
Every function `test_…` is a scenario; without one named all are run. The last line is
"integration: N passed, N failed".
"""

import argparse
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

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = "3 3\n2 4 7\nruntime 1.0.0\n"


class Skipped(Exception):
    pass


class Wrong(Exception):
    pass


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skipped("%s is not installed" % program)


class Case:
    """One scenario's folder and what it runs there."""

    def __init__(self, options, folder):
        self.prefix = options.prefix
        self.source = options.source
        self.graphc_build = options.build
        self.folder = pathlib.Path(folder)
        self.environment = dict(os.environ, LC_ALL="C.UTF-8", NO_COLOR="1",
                                PATH="%s/bin%s%s" % (self.prefix, os.pathsep, os.environ["PATH"]),
                                PKG_CONFIG_PATH=str(self.prefix / "lib/pkgconfig"),
                                CCACHE_DISABLE="1")
        for name in ("CMAKE_PREFIX_PATH", "DESTDIR", "LD_LIBRARY_PATH", "MAKEFLAGS"):
            self.environment.pop(name, None)

    def run(self, *command, status=0, cwd=None, **variables):
        command = [str(word) for word in command]
        done = subprocess.run(command, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
                              env=dict(self.environment, **variables), errors="backslashreplace")
        fine = done.returncode != 0 if status is None else done.returncode == status
        if not fine:
            raise Wrong("%s\nstatus %d\n%s" % (" ".join(command), done.returncode, done.stdout))
        return done.stdout

    def project(self, name="project"):
        """A copy of the user's project."""
        place = self.folder / name
        shutil.copytree(HERE, place, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
        return place

    def configure(self, *options, project=None, build="build", generator="Ninja", prefix=None,
                  status=0, type="Debug"):
        project = project or self.project()
        words = ["cmake", "-S", project, "-B", self.folder / build, "-G", generator]
        if type:
            words.append("-DCMAKE_BUILD_TYPE=" + type)
        if prefix is not False:
            words.append("-DCMAKE_PREFIX_PATH=%s" % (prefix or self.prefix))
        return self.run(*words, *options, status=status)

    def make(self, *options, build="build", status=0, **variables):
        return self.run("cmake", "--build", self.folder / build, *options, status=status,
                        **variables)

    def check_program(self, path="build/two_models", **variables):
        expect_equal(self.run(self.folder / path, **variables), EXPECTED)


def expect(condition, text):
    if not condition:
        raise Wrong(text)


def expect_equal(got, wanted):
    expect(got == wanted, "expected:\n%s\ngot:\n%s" % (wanted, got))


def expect_in(words, text):
    expect(words in text, "no '%s' in:\n%s" % (words, text))


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


def scenarios():
    return {name[5:]: value for name, value in globals().items() if name.startswith("test_")}


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
