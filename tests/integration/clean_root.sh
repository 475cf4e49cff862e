#!/usr/bin/env bash
# Installs graphc's Debian packages into a system of its own and uses them there.
#
#   clean_root.sh PACKAGES ROOT    PACKAGES: the folder with the .deb files (cpack -G DEB -B PACKAGES)
#                                  ROOT: where the system is, or is made by debootstrap
#
# Wants root, debootstrap and a mirror of Debian (MIRROR, default http://deb.debian.org/debian). The
# last line is "clean root: fine".
set -euo pipefail
packages=$1
root=$2
here=$(cd "$(dirname "$0")" && pwd)

if [ ! -e "$root/etc/debian_version" ]; then
  debootstrap --variant=minbase bookworm "$root" "${MIRROR:-http://deb.debian.org/debian}"
fi
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
  chroot "$root" "$@"; }

# Programs find what belongs to them by /proc/self/exe.
mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT

mkdir -p "$root/packages" "$root/project"
cp "$packages"/*.deb "$root/packages/"
models=$here/../../examples/builds
cp "$models"/*.graph "$models"/main.c "$root/project/"
inside sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends /packages/*.deb' >/dev/null

# Without a compiler: what is compiled in memory, and a program.
inside sh -ec 'cd /project
  if command -v cc; then echo "the system has a compiler already: give a new one"; exit 1; fi
  graphc --version
  graphc run smoother.graph smooth --in x=ones
  graphc build smoother.graph --emit=exe -o out
  out/smoother --in x=ones'

# With one: the example of docs/building.md.
inside apt-get install -y -qq --no-install-recommends gcc pkg-config >/dev/null
inside sh -ec 'cd /project
  for model in classifier smoother; do graphc build $model.graph -o out; done
  cc -I out main.c out/libclassifier.a out/libsmoother.a $(pkg-config --cflags --libs graphrt) -o two_models
  ./two_models'

# The runtime alone keeps the program running; nothing of the others stays behind.
inside apt-get purge -y -qq graphc graphc-dev >/dev/null
inside sh -ec 'cd /project
  ./two_models
  test ! -e /usr/bin/graphc && test ! -e /usr/include/graphrt && test ! -e /usr/lib/graphc'
echo "clean root: fine"
