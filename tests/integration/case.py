"""What the scenarios of this folder have in common: a folder each, and what they run there."""

import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
# The models, and a program in C that uses two of them.
MODELS = HERE.parent.parent / "examples/builds"
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

    def run(self, *command, status=0, cwd=None, timeout=300, **variables):
        command = [str(word) for word in command]
        done = subprocess.run(command, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                              env=dict(self.environment, **variables), errors="backslashreplace")
        fine = done.returncode != 0 if status is None else done.returncode == status
        if not fine:
            raise Wrong("%s\nstatus %d\n%s" % (" ".join(command), done.returncode, done.stdout))
        return done.stdout

    def project(self, name="project"):
        """A copy of the user's project."""
        place = self.folder / name
        shutil.copytree(HERE, place, ignore=shutil.ignore_patterns("__pycache__", "*.py", "*.sh"))
        for path in (*MODELS.glob("*.graph"), MODELS / "main.c"):
            shutil.copy(path, place)
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
