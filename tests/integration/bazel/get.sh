#!/usr/bin/env bash
# Fetches Bazel 2.1.0 from npm's registry into a folder (default ~/.cache/graphc/bazel).
set -euo pipefail
folder=${1:-$HOME/.cache/graphc/bazel}
mkdir -p "$folder"
cd "$folder"
archive=$(npm pack --silent @bazel/bazel-linux_x64@2.1.0)
tar -xzf "$archive" --strip-components=1
rm "$archive"
mv bazel-2.1.0-linux-x86_64 bazel
chmod +x bazel
