"""Scenarios for other machines: the runtime and models cross-built, and run in emulators."""

import array
import json
import re
import shutil
import struct

from case import EXPECTED, MODELS, Skipped, expect, expect_equal, expect_in, need


class Machine:
    """A machine of Debian's cross compilers, whose programs qemu runs."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.triple = name + "-linux-gnu"
        self.emulator = ["qemu-" + name, "-L", "/usr/" + self.triple]
        self.suffix = ""

    def need(self):
        need(self.triple + "-gcc", self.emulator[0])

    def toolchain(self, case):
        path = case.folder / "toolchain.cmake"
        path.write_text("set(CMAKE_SYSTEM_NAME Linux)\n"
                        "set(CMAKE_SYSTEM_PROCESSOR %s)\n"
                        "set(CMAKE_C_COMPILER %s-gcc)\n"
                        "set(CMAKE_CROSSCOMPILING_EMULATOR %s)\n"
                        "set(CMAKE_FIND_ROOT_PATH %s)\n" % (
                            self.name, self.triple, " ".join(self.emulator),
                            case.folder / "target"))
        return path

    def check(self, case, program):
        expect_in(self.title, case.run("readelf", "-h", program))


class WebAssembly(Machine):
    """wasm32-wasi, which Node runs."""

    def __init__(self, source):
        super().__init__("wasm32", "WebAssembly")
        self.triple = "wasm32-wasi"
        self.files = source / "cmake/wasi"
        self.emulator = ["node", "--no-warnings", self.files / "run.mjs"]

    def need(self):
        need("clang-19", "wasm-ld-19", "node")
        for path, package in (("/usr/include/wasm32-wasi/stdio.h", "wasi-libc"),
                              ("/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a",
                               "libclang-rt-19-dev-wasm32")):
            if not shutil.os.path.exists(path):
                raise Skipped("%s is not installed" % package)

    def toolchain(self, case):
        return self.files / "toolchain.cmake"

    def check(self, case, program):
        with open(case.folder / program, "rb") as file:
            expect_equal(file.read(4), b"\0asm")


class Windows(Machine):
    """Windows by MinGW, which Wine runs."""

    def __init__(self):
        super().__init__("x86_64", "pei-x86-64")
        self.triple = "x86_64-w64-mingw32"
        # What Wine has to say of itself is not the program's.
        self.emulator = ["sh", "-c", 'exec wine "$@" 2>>wine.log', "wine"]
        self.suffix = ".exe"

    def need(self):
        need(self.triple + "-gcc", "wine")

    def toolchain(self, case):
        # A system of its own: nothing of the user's is touched.
        case.environment.update(WINEPREFIX=str(case.folder / "wine"), WINEDEBUG="-all",
                                WINEDLLOVERRIDES="mscoree,mshtml=", DISPLAY="")
        case.run("wine", "wineboot", "-i")  # says what it does, once
        path = case.folder / "toolchain.cmake"
        path.write_text("set(CMAKE_SYSTEM_NAME Windows)\n"
                        "set(CMAKE_SYSTEM_PROCESSOR x86_64)\n"
                        "set(CMAKE_C_COMPILER %s-gcc)\n"
                        "set(CMAKE_EXE_LINKER_FLAGS_INIT -static)\n"
                        "set(CMAKE_CROSSCOMPILING_EMULATOR wine)\n"
                        "set(CMAKE_FIND_ROOT_PATH %s)\n" % (self.triple, case.folder / "target"))
        return path

    def check(self, case, program):
        expect_in(self.title, case.run(self.triple + "-objdump", "-f", program))


def machine(case, name):
    if name == "windows":
        made = Windows()
        made.need()
        return made
    titles = {"aarch64": "AArch64", "riscv64": "RISC-V"}
    made = WebAssembly(case.source) if name == "wasm32" else Machine(name, titles[name])
    made.need()
    return made


def install_runtime(case, machine):
    """The runtime for the machine in case.folder/target; returns what CMake is told there."""
    toolchain = machine.toolchain(case)
    case.run("cmake", "-S", case.source / "runtime", "-B", "runtime", "-G", "Ninja",
             "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_TOOLCHAIN_FILE=%s" % toolchain,
             "-DCMAKE_INSTALL_PREFIX=%s" % (case.folder / "target"))
    case.run("cmake", "--build", "runtime", timeout=900)
    case.run("cmake", "--install", "runtime")
    return ["-DCMAKE_TOOLCHAIN_FILE=%s" % toolchain,
            "-DGRAPHC_EXECUTABLE=%s" % (case.prefix / "bin/graphc")]


def cross(case, name):
    """The project of this folder for another machine, with its tests."""
    other = machine(case, name)
    options = install_runtime(case, other)
    case.configure(*options, "-DCPP=OFF", prefix=case.folder / "target")
    case.make()
    program = "build/two_models_c" + other.suffix
    other.check(case, program)
    case.run("ctest", "--test-dir", "build", "--output-on-failure")
    expect_equal(case.run(*other.emulator, program).replace("\r", ""), EXPECTED)


def test_cross_aarch64(case):
    """A toolchain file: the runtime cross-built, the models compiled for it, run by an emulator."""
    cross(case, "aarch64")


def test_cross_riscv64(case):
    cross(case, "riscv64")


def test_cross_wasm32(case):
    """The same in WebAssembly, under Node."""
    cross(case, "wasm32")


def test_cross_windows(case):
    """The same for Windows, under Wine; and an object for Visual Studio is linked and run."""
    cross(case, "windows")
    case.run("graphc", "build", MODELS / "smoother.graph", "--emit=object,header", "--target",
             "x86_64-pc-windows-msvc", "-o", "other")
    (case.folder / "main.c").write_text(
        '#include "smoother.h"\n#include <graphrt/main.h>\n'
        "int main(int c, char **v) { return graphrt_main(smoother_model(), c, v); }\n")
    case.run("x86_64-w64-mingw32-gcc", "-static", "-Iother", "-Itarget/include", "main.c",
             "other/smoother.obj", "-Ltarget/lib", "-lgraphrt_main", "-lgraphrt", "-lm", "-o",
             "main.exe")
    expect_equal(case.run("wine", "main.exe", "--in", "x=ones").replace("\r", ""),
                 "y: float32 (3,)\n[1, 1, 1]\n")
    # Wine's server outlives its programs, and writes into its folder when it ends.
    case.run("wineserver", "-k")
    case.run("wineserver", "-w")


# ---- The examples' numbers ----

# Every example that has exports, and the tolerance of its results and of its variables after a
# step of training: relative to the largest element of the tensor. Only what is rounded differently
# may differ, where a machine fuses multiplications with additions and another does not, or adds up
# in another order. Adam divides a gradient by its own size: where that is next to nothing, rounding
# decides which way its variable goes, so that a step's length is the most that can be asked there.
EXAMPLES = ("fashion_mnist/softmax", "image_filters/image_filters", "lenet/lenet",
            "siamese/siamese", "char_rnn/char_rnn", "resnet/resnet", "lint_me/model",
            "builds/classifier", "builds/smoother")
TOLERANCE, TOLERANCE_ADAM = 2e-5, 2e-2

DTYPES = {"f4": "f", "f8": "d", "i4": "i", "i8": "q", "u4": "I", "u8": "Q", "b1": "b", "i1": "b",
          "u1": "B", "i2": "h", "u2": "H"}


def read_npy(path):
    data = path.read_bytes()
    length = struct.unpack("<H", data[8:10])[0]
    kind = re.search(r"'descr': '.(\w\d)'", data[10:10 + length].decode()).group(1)
    return array.array(DTYPES[kind], data[10 + length:])


def read_safetensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, info in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            expect_equal(info["dtype"], "F32")
            begin, end = info["data_offsets"]
            tensors[name] = array.array("f", data[8 + length + begin:8 + length + end])
    return tensors


def difference(a, b):
    """The largest difference of two arrays, relative to the largest element."""
    expect_equal(len(a), len(b))
    most = max((abs(x) for x in b), default=0)
    gap = max((abs(x - y) for x, y in zip(a, b)), default=0)
    return gap / most if most else gap


def exports_of(listed):
    """The exports that a program lists: their inputs, outputs, dimensions and what they change."""
    exports = []
    for line in listed.splitlines():
        match = re.match(r"(export|  in |  out|  changes) ([^:]+)(?:: \w+ \((.*)\))?", line)
        if not match:
            continue
        kind, name, shape = match.group(1).strip(), match.group(2), match.group(3)
        if kind == "export":
            exports.append({"name": name, "in": [], "out": [], "changes": [], "dims": []})
            continue
        exports[-1][kind].append(name)
        if kind == "in":
            exports[-1]["dims"] += re.findall(r"[A-Za-z]\w*", shape)
    return exports


def compare_examples(case, name):
    """Every export of every example gives the numbers that it gives here, its updates too."""
    other = machine(case, name)
    options = install_runtime(case, other)
    project = case.folder / "project"
    project.mkdir()
    text = ("cmake_minimum_required(VERSION 3.25)\nproject(examples LANGUAGES C)\n"
            "find_package(graphc 1.0 REQUIRED)\n")
    for example in EXAMPLES:
        model = example.split("/")[1]
        (project / (model + ".c")).write_text(
            '#include "%s.h"\n#include <graphrt/main.h>\n'
            "int main(int c, char **v) { return graphrt_main(%s_model(), c, v); }\n" % (model, model))
        text += ("graphc_add_library(%s GRAPH %s)\nadd_executable(%s_program %s.c)\n"
                 "target_link_libraries(%s_program %s graphc::runtime_main)\n" % (
                     model, case.source / "examples" / (example + ".graph"), model, model, model,
                     model))
    (project / "CMakeLists.txt").write_text(text)
    case.configure(*options, project=project, prefix=case.folder / "target", type="Release")
    case.make(timeout=1500)
    for example in EXAMPLES:
        model = example.split("/")[1]
        # One level of processor, the one that every machine has.
        case.run("graphc", "build", case.source / "examples" / (example + ".graph"), "--emit=exe",
                 "--cpu", "x86-64", "-o", "here")
        here = [case.folder / "here" / model]
        there = [*other.emulator, case.folder / "build" / (model + "_program" + other.suffix)]
        listed = case.run(*here, "--list")
        expect_equal(case.run(*there, "--list").replace("\r", ""), listed)
        for export in exports_of(listed):
            compare_export(case, model, export, here, there)


def compare_export(case, model, export, here, there):
    words = [export["name"], "--seed", "3"]
    for name in export["in"]:
        words += ["--in", name + "=random"]
    for dim in sorted(set(export["dims"])):
        words += ["--dim", dim + "=2"]
    results = []
    for side, program in (("here", here), ("there", there)):
        files = {name: case.folder / ("%s_%s.npy" % (name, side)) for name in export["out"]}
        saved = case.folder / (side + ".safetensors")
        case.run(*program, *words, *(["--save", saved] if export["changes"] else []),
                 *[w for name, path in files.items() for w in ("--out", "%s=%s" % (name, path))])
        results.append({"output " + name: read_npy(path) for name, path in files.items()})
        if export["changes"]:
            results[-1].update(read_safetensors(saved))
    expect_equal(sorted(results[0]), sorted(results[1]))
    gaps, wrong = {}, []
    for name, values in results[0].items():
        gaps[name] = difference(results[1][name], values)
        limit = TOLERANCE_ADAM if name + "/Adam" in results[0] else TOLERANCE
        if not gaps[name] <= limit:
            wrong.append("%s differs by %g" % (name, gaps[name]))
    worst = max(gaps, key=gaps.get)
    print("     %s.%s: %s" % (model, export["name"], "the same bits" if gaps[worst] == 0 else
                              "differs by %.1e of the largest, in %s" % (gaps[worst], worst)))
    expect(not wrong, "%s.%s: %s" % (model, export["name"], "; ".join(wrong)))


def test_cross_examples_aarch64(case):
    compare_examples(case, "aarch64")


def test_cross_examples_riscv64(case):
    compare_examples(case, "riscv64")


def test_cross_examples_wasm32(case):
    compare_examples(case, "wasm32")


def test_cross_examples_windows(case):
    compare_examples(case, "windows")
    case.run("wineserver", "-k")
    case.run("wineserver", "-w")


# ---- AArch64's levels ----

UNSUPPORTED = 9  # GRAPHRT_UNSUPPORTED

# What qemu is told, and the level that is chosen then. SVE's vectors have the length that the system
# sets; of 128 and of 1024 bits there is no level.
AARCH64 = {"cortex-a72": "baseline", "max,sve-default-vector-length=16": "baseline",
           "max,sve-default-vector-length=128": "baseline",
           "max,sve-default-vector-length=32": "sve256",
           "max,sve-default-vector-length=64": "sve512"}

LEVELS_C = r"""
#include "lenet.h"
#include <stdio.h>

int main(void) {
  const char *names[] = {[GRAPHRT_CPU_BASELINE] = "baseline", [GRAPHRT_CPU_AARCH64_SVE256] = "sve256",
                         [GRAPHRT_CPU_AARCH64_SVE512] = "sve512"};
  lenet *net = NULL;
  graphrt_status status = lenet_create(NULL, &net);
  if (status != GRAPHRT_OK) {
    printf("%d %s\n", (int)status, graphrt_message());
    return 1;
  }
  graphrt_instance_info info = {.struct_size = sizeof info};
  if (graphrt_get_info((graphrt_instance *)net, &info) != GRAPHRT_OK) return 1;
  puts(names[info.cpu]);
  lenet_destroy(net);
  return 0;
}
"""


def test_cross_levels_aarch64(case):
    """create() takes the level of the vectors' length; what the processor lacks is refused."""
    other = machine(case, "aarch64")
    install_runtime(case, other)
    lenet = case.source / "examples/lenet/lenet.graph"
    (case.folder / "levels.c").write_text(LEVELS_C)
    (case.folder / "main.c").write_text(
        '#include "lenet.h"\n#include <graphrt/main.h>\n'
        "int main(int c, char **v) { return graphrt_main(lenet_model(), c, v); }\n")

    def link(source, folder, program):
        case.run(other.triple + "-gcc", "-std=c11", "-I", folder, "-Itarget/include", source,
                 folder + "/lenet.o", "target/lib/libgraphrt_main.a", "target/lib/libgraphrt.a",
                 "-lm", "-pthread", "-o", program)

    case.run("graphc", "build", lenet, "--emit=object,header", "--target", other.triple, "-o", "all")
    link("levels.c", "all", "levels")
    link("main.c", "all", "main")
    step = ["train_step", "--seed", "3", "--in", "image=random", "--in", "label=zeros", "--in",
            "rate=ones", "--dim", "batch=5"]
    case.run("graphc", "build", lenet, "--emit=exe", "--cpu", "x86-64", "-o", "here")
    case.run(case.folder / "here/lenet", *step, "--save", "here.safetensors")
    want = read_safetensors(case.folder / "here.safetensors")
    for cpu, level in AARCH64.items():
        run = [*other.emulator, "-cpu", cpu]
        case.environment.pop("GRAPHRT_CPU", None)
        expect_equal(case.run(*run, "levels"), level + "\n")
        for asked in ("baseline", "sve256", "sve512", "v3"):
            case.environment["GRAPHRT_CPU"] = asked
            if asked in ("baseline", level):
                expect_equal(case.run(*run, "levels"), asked + "\n")
                continue
            expect_equal(case.run(*run, "levels", status=1),
                         "%d GRAPHRT_CPU asks for %s, but this processor has %s\n" % (
                             UNSUPPORTED, asked, level))
        case.environment.pop("GRAPHRT_CPU")
        case.run(*run, "main", *step, "--save", "there.safetensors")
        got = read_safetensors(case.folder / "there.safetensors")
        expect_equal(sorted(got), sorted(want))
        for name, values in want.items():
            gap = difference(got[name], values)
            expect(gap <= TOLERANCE_ADAM, "%s: %s differs by %g" % (level, name, gap))
    # Code for one processor: a status on another, nothing worse.
    case.run("graphc", "build", lenet, "--emit=object,header", "--target", other.triple, "--cpu",
             "neoverse-v1", "-o", "one")
    link("levels.c", "one", "levels")
    run = [*other.emulator, "-cpu"]
    expect_equal(case.run(*run, "max,sve-default-vector-length=32", "levels"), "sve256\n")
    expect_equal(case.run(*run, "cortex-a72", "levels", status=1),
                 "%d lenet was compiled for sve256, but this processor has baseline\n" % UNSUPPORTED)


def test_cross_operations_aarch64(case):
    """Every operation, for every dtype, at every level: what the reference evaluation gives."""
    other = machine(case, "aarch64")
    install_runtime(case, other)
    made = case.folder / "operations"
    made.mkdir()
    case.environment.update(GRAPHC_TEST_TARGET=other.triple, GRAPHC_TEST_FOLDER=str(made))
    case.run(case.graphc_build / "bin/codegen_test", "--gtest_filter=*EveryOperation.ForAnotherMachine*",
             timeout=3000)
    types = sorted(path.stem for path in made.glob("*.o"))
    expect(len(types) > 100, "only %d operations" % len(types))
    (case.folder / "operations.inc").write_text("".join("OPERATION(%s)\n" % t for t in types))
    case.run(other.triple + "-gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-I.",
             "-Itarget/include", case.source / "tests/integration/operations.c",
             *[made / (t + ".o") for t in types], "target/lib/libgraphrt.a", "-lm", "-pthread", "-o",
             "operations.exe")
    for cpu in ("cortex-a72", "max,sve-default-vector-length=32", "max,sve-default-vector-length=64"):
        said = case.run(*other.emulator, "-cpu", cpu, "operations.exe", made, timeout=900)
        expect(re.fullmatch(r"%d operations, \d{4} calls, 0 wrong\n" % len(types), said), said)


# ---- Without a system ----

def registers(text):
    """By level, the kinds of vector registers that its functions use: SVE's (z0.s), Neon's (v0.4s)."""
    found = {"": set(), "_sve256": set(), "_sve512": set()}
    level = None
    for line in text.splitlines():
        label = re.match(r'"?([A-Za-z_][\w.$]*)"?:', line)
        if label:
            level = next((s for s in ("_sve256", "_sve512") if s in label.group(1)), "")
        elif level is not None and line.startswith("\t") and not line.startswith("\t."):
            found[level].update(re.findall(r"\b([zv])\d+\.", line))
    return found


def test_levels(case):
    """What the versions for several processors are, and what they cost."""
    softmax = case.source / "examples/fashion_mnist/softmax.graph"
    case.run("graphc", "build", softmax, "--emit=asm,llvm-ir", "--target", "aarch64-linux-gnu")
    found = registers((case.folder / "softmax.s").read_text())
    expect_equal(found[""], {"v"})
    expect("z" in found["_sve256"] and "z" in found["_sve512"], str(found))
    text = (case.folder / "softmax.ll").read_text()
    for lanes, scale in ((8, 2), (16, 4)):
        expect_in("vscale_range(%d,%d)" % (scale, scale), text)
        expect_in("<%d x float> @llvm.fma" % lanes, text)
    for target, cpu, words in (("aarch64-linux-gnu", "a64fx", "vscale_range(4,4)"),
                               ("aarch64-linux-gnu", "cortex-a72", None),
                               ("arm64-apple-macos", "", None)):
        case.run("graphc", "build", softmax, "--emit=llvm-ir", "--target", target, "-o", "one",
                 *(["--cpu", cpu] if cpu else []))
        text = (case.folder / "one/softmax.ll").read_text()
        expect(words in text if words else "vscale_range" not in text, target + cpu)
        expect("_sve256" not in text, "several levels for one processor")

    # The table in docs/building.md.
    page = (case.source / "docs/building.md").read_text()
    rows = re.findall(r"\| `([\w/]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|",
                      page)
    expect_equal(len(rows), 4)
    for i, (name, *said) in enumerate(rows):
        target, one = ("x86_64-linux-gnu", "x86-64-v3") if i < 2 else ("aarch64-linux-gnu",
                                                                       "neoverse-v1")
        levels, file = sizes(case, name, target)
        expect_equal(list(levels), ["baseline", "v3", "v4"] if i < 2 else ["baseline", "sve256", "sve512"])
        single, alone = sizes(case, name, target, one)
        expect_equal(list(single), [one])
        for told, now in zip(said, [*levels.values(), alone, file]):
            expect(abs(float(told) - now / 1024) <= 0.2 * now / 1024,
                   "%s on %s: docs/building.md says %s KiB, it is %.1f" % (name, target, told, now / 1024))


def sizes(case, example, target, cpu=None):
    """The bytes of each level's code, and of the object file, as `--sizes` says."""
    said = case.run("graphc", "build", case.source / "examples" / (example + ".graph"), "--sizes",
                    "--emit=object", "--target", target, "-o", "sized", *(["--cpu", cpu] if cpu else []))
    numbers = {name: int(number.replace(",", "")) for name, number in
               re.findall(r"^  (.*?)  .*?([\d,]+)$", said, re.MULTILINE)}
    made = case.folder / "sized" / (example.split("/")[1] + ".o")
    expect_equal(numbers["object file"], made.stat().st_size)
    levels = {name[9:]: n for name, n in numbers.items()
              if name.startswith("code for ") and name != "code for any processor"}
    # What readelf calls code is all accounted for.
    text = sum(int(size, 16) for size in re.findall(
        r"^ +\[ *\d+\] \S+ +PROGBITS +\w+ \w+ (\w+) \w+ +AX ", case.run("readelf", "-SW", made),
        re.MULTILINE))
    expect_equal(sum(levels.values()) + numbers["code for any processor"], text)
    return levels, numbers["object file"]

def visual_studio(case):
    """Objects, libraries and headers as Visual Studio's tools take them."""
    triple = "x86_64-pc-windows-msvc"
    case.run("graphc", "build", MODELS / "smoother.graph", "--emit=object,static,header",
             "--target", triple, "-o", triple)
    made = case.folder / triple
    expect_equal(sorted(path.name for path in made.iterdir()),
                 ["smoother.h", "smoother.hpp", "smoother.lib", "smoother.obj"])
    expect((made / "smoother.obj").read_bytes().startswith(b"\x64\x86"), "no COFF object")
    library = (made / "smoother.lib").read_bytes()
    # Such a library has a second table of symbols, which the linker there reads.
    expect(library.startswith(b"!<arch>\n/ ") and library.count(b"\n/    ") == 1,
           "no COFF library")
    expect(b"smoother_create\0" in library, "no symbols")
    if shutil.which("clang-19"):
        case.run("clang-19", "--target=" + triple, "-ffreestanding", "-fsyntax-only", "-Wall",
                 "-Wextra", "-Werror", "-I", case.prefix / "include", "-x", "c", made / "smoother.h")


def test_targets(case):
    """Objects and headers for machines that there is no system of here."""
    kinds = {"aarch64-linux-gnu": b"\x7fELF", "riscv64-linux-gnu": b"\x7fELF",
             "x86_64-w64-mingw32": b"\x64\x86", "arm64-apple-macos": b"\xcf\xfa\xed\xfe",
             "wasm32-wasi": b"\0asm"}
    for triple, magic in kinds.items():
        case.run("graphc", "build", MODELS / "smoother.graph", "--emit=object,header", "--target",
                 triple, "-o", triple)
        expect((case.folder / triple / "smoother.o").read_bytes().startswith(magic), triple)
        case.run("cc", "-fsyntax-only", "-I", case.prefix / "include", "-x", "c",
                 case.folder / triple / "smoother.h")
    visual_studio(case)
    for triple, words in (("armv7-linux-gnueabihf", "neither wasm32 nor one of 64 bits"),
                          ("nonsense", "no target nonsense")):
        said = case.run("graphc", "build", MODELS / "smoother.graph", "--target", triple, "-o", "no",
                        status=2)
        expect_in(words, said)
    for kind in ("exe", "shared"):
        said = case.run("graphc", "build", MODELS / "smoother.graph", "--emit=" + kind, "-o", "no",
                        "--target", "aarch64-linux-gnu", status=2)
        expect_in("for this machine only", said)
    expect(not (case.folder / "no").exists(), "something was written")
