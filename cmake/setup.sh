#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the examples need, if any is missing.
# Wants root, or sudo, only then. Prints nothing when all are there.
#
#   cmake/setup.sh [--cross]    --cross: also what compiles and runs programs for other machines
set -euo pipefail

# To build: compilers, the build tool, LLVM and its linker, the libraries of the compiler.
packages=(
  build-essential cmake ninja-build ccache mold pkg-config git
  llvm-19-dev liblld-19-dev
  antlr4 libantlr4-runtime-dev libfmt-dev libcli11-dev nlohmann-json3-dev libre2-dev libdtl-dev
  zlib1g-dev libminizip-dev libtomlplusplus-dev libgraphviz-dev
  robin-map-dev
  uuid-dev # what antlr4's CMake configuration links, which its package does not depend on
)
# To run the examples.
packages+=(libpng-dev dataset-fashion-mnist)
# To test and to check.
packages+=(python3 python3-numpy python3-jsonschema libgtest-dev binutils clang-format-19 clang-tidy-19 meson dpkg-dev file)
# To build for another machine and run what was built; without them those tests are skipped.
if [ "${1:-}" = --cross ]; then
  packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu
    libc6-dev-riscv64-cross qemu-user
    clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 nodejs
    gcc-mingw-w64-x86-64-posix wine wine64 libc++-19-dev libc++abi-19-dev)
fi

if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian system; these packages, or what matches them, are needed: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: missing packages; as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends -qq "${missing[@]}" >"$log" 2>&1
}
# The lists of packages may be absent or old: once more after fetching them.
if ! install; then
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  install || { cat "$log" >&2; exit 1; }
fi
