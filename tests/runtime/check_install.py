"""Installs the runtime into a folder, then builds and runs a C and a C++ program against it as a
user would, with pkg-config."""

import argparse
import os
import subprocess
import sys
import tempfile

PROGRAM = """
#include <graphrt/graphrt.h>
#include <graphrt/safetensors.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  float value = 2.5f, back = 0;
  graphrt_safetensor_source source;
  graphrt_safetensors *file = NULL;
  if (argc < 2) return 2;
  memset(&source, 0, sizeof source);
  source.name = "x";
  source.dtype = GRAPHRT_FLOAT32;
  source.data = &value;
  if (graphrt_safetensors_write(argv[1], &source, 1, NULL, 0, NULL) != GRAPHRT_OK) return 1;
  if (graphrt_safetensors_open(argv[1], NULL, &file) != GRAPHRT_OK) return 1;
  if (graphrt_safetensors_read(file, graphrt_safetensors_at(file, 0), 0, &back, 4) != GRAPHRT_OK)
    return 1;
  graphrt_safetensors_close(file);
  printf("%s %g\\n", graphrt_version(), back);
  return 0;
}
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def main():
    parser = argparse.ArgumentParser()
    for name in ("cmake", "build", "cc", "cxx"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(options.cmake, "--install", options.build, "--component", "runtime", "--prefix", folder)
        run(options.cmake, "--install", options.build, "--component", "dev", "--prefix", folder)
        found = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
        package = next(p for p in found if p.endswith("graphrt.pc"))
        environment = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(package))
        flags = run("pkg-config", "--cflags", "--libs", "graphrt", env=environment).split()
        libraries = os.path.dirname(next(p for p in found if p.endswith("libgraphrt.a")))
        for compiler, language, standard in ((options.cc, "c", "-std=c11"),
                                             (options.cxx, "c++", "-std=c++20")):
            source = os.path.join(folder, "user." + language)
            program = os.path.join(folder, "user-" + language)
            with open(source, "w", encoding="utf-8") as out:
                out.write(PROGRAM)
            run(compiler, standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", language,
                source, "-x", "none", "-o", program, *flags, f"-Wl,-rpath,{libraries}")
            answer = run(program, os.path.join(folder, "x.safetensors"))
            print(language, answer.strip())
            if not answer.endswith(" 2.5\n"):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
