"""Scenarios about weights that are mapped: what processes share, and models above 2 GB."""

import json
import os
import shutil
import struct
import subprocess

from case import Skipped, expect, expect_equal, expect_in

ROW = 1024  # bytes


class Holder:
    """A process that holds two instances over a file."""

    def __init__(self, case, *words):
        self.process = subprocess.Popen([case.folder / "out/pages", *words], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        expect_equal(self.process.stdout.readline(), "ready\n")

    def ask(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def memory(self, file):
        """KiB by kind, of the file's pages and of all others."""
        found = {True: {}, False: {}}
        mapped = False
        with open("/proc/%d/smaps" % self.process.pid) as smaps:
            for line in smaps:
                words = line.split()
                if not words[0].endswith(":"):
                    mapped = words[-1].endswith(file)
                elif words[-1] == "kB":
                    sums = found[mapped]
                    sums[words[0][:-1]] = sums.get(words[0][:-1], 0) + int(words[1])
        return found[True], found[False]

    def end(self):
        self.process.stdin.close()
        expect_equal(self.process.wait(60), 0)


def weights(path, rows, values):
    """A checkpoint with a table of zeros but for the first element of some rows; where the file
    system allows, it takes no more room than those."""
    head = json.dumps({"table": {"dtype": "F32", "shape": [rows, 256],
                                 "data_offsets": [0, rows * ROW]}}).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        begin = file.tell()
        for row, value in values.items():
            file.seek(begin + row * ROW)
            file.write(struct.pack("<f", value))
        file.truncate(begin + rows * ROW)


def build(case, rows, *options, status=0):
    project = case.project()
    said = case.run("graphc", "build", project / "pages.graph", "-D", "rows=%d" % rows, "-o", "out",
                    *options, status=status)
    if status == 0:
        case.run("cc", "-Iout", "-I", case.prefix / "include", project / "pages.c",
                 "out/libpages.a", case.prefix / "lib/libgraphrt.a", "-lm", "-lpthread", "-o",
                 "out/pages")
    return said


def shared_pages(case, rows):
    """Two processes with two instances each, over one file."""
    values = {0: 1.0, rows // 3: 2.0, rows - 1: 4.0}
    size = rows * ROW // 1024
    build(case, rows)
    weights(case.folder / "w.safetensors", rows, values)
    holders = [Holder(case, case.folder / "w.safetensors") for _ in range(2)]
    for holder in holders:
        for row, value in values.items():
            expect_equal(holder.ask("lookup %d" % row), "%g %g" % (value, value))
        pages, other = holder.memory("w.safetensors")
        # What nobody has read is not there; a few pages around what was come with it.
        expect(pages["Rss"] < size / 8, "%d KiB of %d are in memory already" % (pages["Rss"], size))
    for holder in holders:
        expect_equal(holder.ask("total"), "7 7")
    all_shared(holders, "w.safetensors", size)


def all_shared(holders, file, size):
    """After everything was read, the file's pages are in memory once for all processes."""
    for holder in holders:
        pages, other = holder.memory(file)
        # Dirty are those that have not reached the disk since the file was written.
        shared = pages["Shared_Clean"] + pages["Shared_Dirty"]
        private = pages["Private_Clean"] + pages["Private_Dirty"]
        print("     of %d KiB: shared %d, private %d, proportional share %d; other memory %d" % (
            size, shared, private, pages["Pss"], other["Rss"]))
        expect(shared >= size, "not shared: %s" % pages)
        expect(private < 64, "private: %s" % pages)
        expect(pages["Pss"] <= size * 0.55, "no part of it is shared: %s" % pages)
        expect(other["Rss"] < 16 * 1024, "other memory: %s" % other)
    for holder in holders:
        holder.end()


def test_shared_pages(case):
    """Instances made by share, and processes, have one copy of a mapped file between them."""
    shared_pages(case, 64 * 1024)


def test_shared_constants(case):
    """The same of variables that are compiled in: processes share the pages of the program."""
    rows = 8 * 1024
    weights(case.folder / "w.safetensors", rows, {0: 1.0, rows // 3: 2.0, rows - 1: 4.0})
    build(case, rows, "--weights", case.folder / "w.safetensors")
    holders = [Holder(case) for _ in range(2)]
    for holder in holders:
        expect_equal(holder.ask("total"), "7 7")  # which is a constant, too
        for row in range(1, rows, 4096 // ROW):
            expect_equal(holder.ask("lookup %d" % row), "0 0" if row != rows // 3 else "2 2")
    all_shared(holders, "out/pages", rows * ROW // 1024)


def test_large_weights(case):
    """A model above 2 GB: mapped, read, and refused where it would have to be compiled in."""
    rows = 2900000
    room = os.statvfs(case.folder)
    with open("/proc/meminfo") as file:
        memory = {line.split(":")[0]: int(line.split()[1]) for line in file}
    if memory["MemAvailable"] < 8 << 20 or room.f_bavail * room.f_frsize < 8 << 30:
        raise Skipped("8 GiB of memory and of disk are needed")
    shared_pages(case, rows)
    holder = Holder(case, case.folder / "w.safetensors", "read")
    expect_equal(holder.ask("lookup %d" % (rows - 1)), "4 4")
    expect(holder.memory("w.safetensors")[1]["Rss"] >= rows, "it was not read")
    holder.end()
    shutil.rmtree(case.folder / "project")
    shutil.rmtree(case.folder / "out")
    said = build(case, rows, "--weights", case.folder / "w.safetensors", status=2)
    expect_in("more than 1984 MiB, which can't be compiled in", said)
    expect(not (case.folder / "out").exists(), "something was written")
