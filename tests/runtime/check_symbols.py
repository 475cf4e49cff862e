"""The runtime asks for libc and libm only, offers nothing without its prefix, and stays small."""

import argparse
import re
import subprocess
import sys

# What a C library and its mathematics offer, as far as the runtime uses it. A new name here is a
# decision: it must be in libc, libm or POSIX threads.
ALLOWED = set("""
aligned_alloc free memcpy memmove memset strcmp strlen strncpy strrchr strtoull strerror qsort
snprintf vsnprintf getenv realpath sysconf getpid close fchmod fstat stat fsync open pread rename
unlink write mmap munmap sched_getaffinity __sched_cpucount sigfillset
cosf sinf sincos sincosf logf sqrtf cos sin log sqrt nextafter nextafterf __errno_location
pthread_cond_broadcast pthread_cond_destroy pthread_cond_init pthread_cond_signal pthread_cond_wait
pthread_create pthread_join pthread_sigmask pthread_mutex_destroy pthread_mutex_init
pthread_mutex_lock pthread_mutex_unlock pthread_rwlock_destroy pthread_rwlock_init
pthread_rwlock_rdlock pthread_rwlock_unlock pthread_rwlock_wrlock pthread_rwlockattr_destroy
pthread_rwlockattr_init pthread_rwlockattr_setkind_np
""".split())
# What compilers and the C library's headers put in place of those, or add on their own.
VARIANTS = re.compile(
    r"^(__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__tls_get_addr|__(\w+)_chk|(\w+)64|__isoc23_(\w+)"
    r"|(__cxa_finalize|__gmon_start__|_ITM_(de)?registerTMCloneTable))$")
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2",
             "ld-linux-aarch64.so.1"}


def nm(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True,
                          text=True).stdout.splitlines()


def allowed(symbol):
    symbol = symbol.split("@")[0]
    if symbol in ALLOWED or symbol.startswith("graphrt_"):
        return True
    match = VARIANTS.match(symbol)
    if not match:
        return False
    inner = match.group(2) or match.group(3) or match.group(4)
    return inner is None or inner in ALLOWED


def main():
    parser = argparse.ArgumentParser()
    for name in ("nm", "static", "shared", "config"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    problems = []

    undefined, defined = set(), set()
    for line in nm(options.nm, options.static):
        parts = line.split()
        if len(parts) == 2 and parts[0] in "Uw":
            undefined.add(parts[1])
        elif len(parts) == 3 and parts[1].isupper() and parts[1] != "U":
            defined.add(parts[2])
    if len(defined) < 40:
        problems.append(f"only {len(defined)} symbols were found: is this the runtime?")
    problems += [f"needs {s}, which is no symbol of libc or libm that is known here"
                 for s in sorted(undefined - defined) if not allowed(s)]
    problems += [f"defines {s}, without the prefix graphrt_"
                 for s in sorted(defined) if not s.startswith("graphrt_")]

    exported = {line.split()[-1].split("@")[0]
                for line in nm(options.nm, "-D", "--defined-only", options.shared)}
    problems += [f"the shared library exports {s}" for s in sorted(exported)
                 if not s.startswith("graphrt_") or s.startswith("graphrt_i_")]
    needed = set(re.findall(r"NEEDED\s+(\S+)", subprocess.run(
        ["objdump", "-p", options.shared], check=True, capture_output=True, text=True).stdout))
    problems += [f"the shared library needs {s}" for s in sorted(needed - LIBRARIES)]

    size = 0
    for line in subprocess.run(["size", "-A", options.shared], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[0] in (".text", ".rodata", ".data", ".bss", ".eh_frame"):
            size += int(parts[1])
    print(f"{len(exported)} exported functions, {size} bytes of code and data")
    if options.config == "Release" and size > 96 * 1024:
        problems.append(f"{size} bytes of code and data are more than the 96 KiB it may have")

    for problem in problems:
        print("error:", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
