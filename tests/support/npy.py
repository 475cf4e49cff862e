#!/usr/bin/env python3
"""Writes and shows .npy files, without NumPy.

    npy.py write FILE DTYPE SHAPE VALUE... [--fortran]     npy.py write x.npy '<f4' 2,3 1 2 3 4 5 6
    npy.py show FILE

Values are given in row-major order, whatever the order in the file; the last one is
repeated as often as needed.
"""

import ast
import itertools
import math
import struct
import sys

CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
         "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "b1": "?"}


def format_of(dtype, count):
    return (">" if dtype[0] == ">" else "<") + str(count) + CODES[dtype[1:]]


def write(path, dtype, shape, values, fortran):
    shape = tuple(int(n) for n in shape.split(",") if n)
    count = math.prod(shape)
    number = float if dtype[1] == "f" else int
    values = [number(v) for v in values][:count]
    values += values[-1:] * (count - len(values))
    if fortran:
        strides = [math.prod(shape[i + 1:]) for i in range(len(shape))]
        order = itertools.product(*(range(n) for n in reversed(shape)))
        values = [values[sum(i * s for i, s in zip(reversed(at), strides))] for at in order]
    header = repr({"descr": dtype, "fortran_order": fortran, "shape": shape}).encode()
    header += b" " * (-(11 + len(header)) % 64) + b"\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)
        f.write(struct.pack(format_of(dtype, count), *values))


def show(path):
    with open(path, "rb") as f:
        data = f.read()
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + length].decode())
    count = math.prod(header["shape"])
    values = struct.unpack(format_of(header["descr"], count), data[10 + length:])
    print(header["descr"], header["shape"], "fortran" if header["fortran_order"] else "C",
          *("%g" % v for v in values))


def main():
    arguments = [a for a in sys.argv[1:] if a != "--fortran"]
    if arguments[:1] == ["write"] and len(arguments) >= 4:
        write(arguments[1], arguments[2], arguments[3], arguments[4:], "--fortran" in sys.argv)
    elif arguments[:1] == ["show"] and len(arguments) == 2:
        show(arguments[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
