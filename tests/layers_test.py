#!/usr/bin/env python3
"""Numbers of the standard library's layers against their formulas, in double precision.

    layers_test.py --graphc PATH

Each case is a definition whose export gives what a layer made together with its variables; the
formula is computed here from the same inputs and variables, by plain loops.
"""

import argparse
import ast
import itertools
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
import npy

TOLERANCE = 1e-9


class Array:
    """Doubles in row-major order."""

    def __init__(self, shape, values):
        self.shape, self.values = tuple(shape), list(values)
        assert len(self.values) == math.prod(self.shape)

    @staticmethod
    def of(shape, function):
        return Array(shape, (function(*at) for at in itertools.product(*map(range, shape))))

    def __call__(self, *at):
        flat = 0
        for i, n in zip(at, self.shape):
            flat = flat * n + i
        return self.values[flat]

    def map(self, function):
        return Array(self.shape, map(function, self.values))

    def reshape(self, *shape):
        return Array(shape, self.values)

    def transpose(self, *order):
        inverse = [order.index(i) for i in range(len(order))]
        return Array.of([self.shape[i] for i in order], lambda *at: self(*(at[i] for i in inverse)))


def load(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + length].decode())
    count = math.prod(header["shape"])
    return Array(header["shape"], map(float, struct.unpack(
        npy.format_of(header["descr"], count), data[10 + length:])))


def matmul(a, b):
    return Array.of((a.shape[0], b.shape[1]),
                    lambda i, j: sum(a(i, k) * b(k, j) for k in range(a.shape[1])))


def add(a, b):
    """b along the last dimension of a."""
    return Array(a.shape, (v + b.values[i % len(b.values)] for i, v in enumerate(a.values)))


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def relu(v):
    return max(v, 0.0)


def softmax_rows(a):
    n = a.shape[-1]
    out = []
    for i in range(0, len(a.values), n):
        row = [math.exp(v - max(a.values[i:i + n])) for v in a.values[i:i + n]]
        out += [v / sum(row) for v in row]
    return Array(a.shape, out)


def pads(size, window, stride, dilation, same):
    """(outputs, what is added before): TensorFlow's SAME puts the odd one at the end."""
    reach = (window - 1) * dilation + 1
    if not same:
        return (size - reach) // stride + 1, 0
    outputs = -(-size // stride)
    return outputs, max((outputs - 1) * stride + reach - size, 0) // 2


def conv2d(x, w, stride=(1, 1), same=False, dilation=(1, 1), depthwise=False):
    n, height, width, channels = x.shape
    kh, kw, _, made = w.shape
    (oh, top), (ow, left) = (pads(s, k, st, d, same) for s, k, st, d in
                             zip((height, width), (kh, kw), stride, dilation))

    def window(b, i, j):
        for p, q in itertools.product(range(kh), range(kw)):
            y, z = i * stride[0] - top + p * dilation[0], j * stride[1] - left + q * dilation[1]
            if 0 <= y < height and 0 <= z < width:
                yield p, q, y, z

    def one(b, i, j, k):
        if depthwise:
            c, m = divmod(k, made)
            return sum(x(b, y, z, c) * w(p, q, c, m) for p, q, y, z in window(b, i, j))
        return sum(x(b, y, z, c) * w(p, q, c, k)
                   for p, q, y, z in window(b, i, j) for c in range(channels))
    return Array.of((n, oh, ow, channels * made if depthwise else made), one)


def moments(x, axes):
    kept = [i for i in range(len(x.shape)) if i not in axes]
    groups = {}
    for at in itertools.product(*map(range, x.shape)):
        groups.setdefault(tuple(at[i] for i in kept), []).append(x(*at))
    shape = [x.shape[i] for i in kept]
    mean = Array.of(shape, lambda *at: sum(groups[at]) / len(groups[at]))
    variance = Array.of(shape, lambda *at: sum((v - mean(*at)) ** 2 for v in groups[at])
                        / len(groups[at]))
    return mean, variance, len(next(iter(groups.values())))


def normalized(x, mean, variance, gamma, beta, epsilon, axis):
    return Array.of(x.shape, lambda *at: (x(*at) - mean(at[axis])) / math.sqrt(
        variance(at[axis]) + epsilon) * gamma(at[axis]) + beta(at[axis]))


class Bench:
    def __init__(self, graphc):
        self.graphc, self.failed, self.passed = graphc, 0, 0

    def run(self, definition, inputs, outputs, flags=(), seed=1):
        """What the export `run` of a definition gives, by name."""
        with tempfile.TemporaryDirectory(prefix="graphc-layers-") as folder:
            pathlib.Path(folder, "m.graph").write_text(definition)
            command = [self.graphc, "run", "m.graph", "run", "--seed", str(seed), *flags]
            for name, value in inputs.items():
                npy.write(os.path.join(folder, name + ".npy"), "<f8" if isinstance(value, Array)
                          else value[0], ",".join(map(str, (value if isinstance(value, Array) else
                                                            value[1]).shape)) + ",",
                          (value if isinstance(value, Array) else value[1]).values, False)
                command += ["--in", "%s=%s.npy" % (name, name)]
            for name in outputs:
                command += ["--out", "%s=%s.out.npy" % (name, name)]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
            if done.returncode:
                raise RuntimeError(done.stderr)
            return {name: load(os.path.join(folder, name + ".out.npy")) for name in outputs}

    def same(self, what, got, expected, tolerance=TOLERANCE):
        worst = max((abs(a - b) for a, b in zip(got.values, expected.values)), default=0.0)
        if got.shape == expected.shape and worst <= tolerance:
            self.passed += 1
            return
        self.failed += 1
        print("FAIL %s: shape %s, expected %s; off by %g" % (what, got.shape, expected.shape, worst))


def numbers(*shape, low=-1.0, high=1.0):
    return Array.of(shape, lambda *at: random.uniform(low, high))


PREAMBLE = "noise = random_normal_initializer(0.0, 0.5)\n"


def definition(inputs, body, outputs):
    """A definition with float64 placeholders of these shapes, and its export."""
    lines = [PREAMBLE]
    for name, shape in inputs.items():
        lines.append("%s = placeholder(float64, [%s], name='%s')\n" % (
            name, ", ".join(map(str, shape)), name))
    ends = ", ".join("%s=%s" % item for item in outputs.items())
    return "%s%s\nexport run(%s) -> (%s)\n" % (
        "".join(lines), body, ", ".join("%s=%s" % (n, n) for n in inputs), ends)


def variables(names):
    return {name: "global_variables()[%d]" % i for i, name in enumerate(names)}


def test_files(bench):
    """Each file of the standard library passes `check`, and is in the one style."""
    folder = pathlib.Path(__file__).resolve().parent.parent / "compiler" / "std"
    for path in sorted(folder.glob("*.graph")):
        for command in [["check"], ["fmt", "--check"]]:
            done = subprocess.run([bench.graphc, *command, str(path)], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)
            bench.passed += 1


def test_dense(bench):
    x = numbers(3, 5)
    got = bench.run(definition(
        {"x": ["dim('N')", 5]},
        "y = layers.dense(x, 4, tanh, kernel_initializer=noise, bias_initializer=noise)",
        {"y": "y", **variables("wb")}), {"x": x}, "ywb")
    bench.same("dense", got["y"], add(matmul(x, got["w"]), got["b"]).map(math.tanh))
    x = numbers(2, 3, 5)
    got = bench.run(definition(
        {"x": ["dim('N')", 3, 5]},
        "y = layers.dense(x, 4, kernel_initializer=noise, bias_initializer=noise)",
        {"y": "y", **variables("wb")}), {"x": x}, "ywb")
    bench.same("dense of rank 3", got["y"],
               add(matmul(x.reshape(6, 5), got["w"]), got["b"]).reshape(2, 3, 4))


def test_convolutions(bench):
    x = numbers(2, 7, 6, 3)
    for stride, padding, dilation in [((1, 1), "valid", (1, 1)), ((2, 3), "same", (1, 1)),
                                      ((1, 1), "same", (2, 1))]:
        body = ("y = layers.conv2d(x, 4, (3, 2), strides=%s, padding='%s', dilation_rate=%s, "
                "activation=relu, kernel_initializer=noise, bias_initializer=noise)"
                % (stride, padding, dilation))
        got = bench.run(definition({"x": ["dim('N')", 7, 6, 3]}, body,
                                   {"y": "y", **variables("wb")}), {"x": x}, "ywb")
        bench.same("conv2d %s %s %s" % (stride, padding, dilation), got["y"],
                   add(conv2d(x, got["w"], stride, padding == "same", dilation),
                       got["b"]).map(relu))
    body = ("y = layers.separable_conv2d(x, 4, 3, strides=2, padding='same', depth_multiplier=2, "
            "depthwise_initializer=noise, pointwise_initializer=noise, bias_initializer=noise)")
    got = bench.run(definition({"x": [2, 7, 6, 3]}, body, {"y": "y", **variables("dpb")}),
                    {"x": x}, "ydpb")
    bench.same("separable_conv2d", got["y"], add(conv2d(conv2d(
        x, got["d"], (2, 2), True, depthwise=True), got["p"]), got["b"]))
    for stride, padding in [((2, 3), "same"), ((2, 1), "valid")]:
        body = ("y = layers.conv2d_transpose(x, 4, (3, 2), strides=%s, padding='%s', "
                "kernel_initializer=noise, bias_initializer=noise)" % (stride, padding))
        got = bench.run(definition({"x": ["dim('N')", 7, 6, 3]}, body,
                                   {"y": "y", **variables("wb")}), {"x": x}, "ywb")
        more = [max(k - s, 0) if padding == "valid" else 0 for k, s in zip((3, 2), stride)]
        size = [n * s + m for n, s, m in zip((7, 6), stride, more)]
        before = [pads(n, k, s, 1, padding == "same")[1] for n, k, s in zip(size, (3, 2), stride)]
        expected = Array.of((2, *size, 4), lambda b, i, j, c: got["b"](c))
        for b, y, z, p, q, c, k in itertools.product(*map(range, (2, 7, 6, 3, 2, 4, 3))):
            i, j = y * stride[0] + p - before[0], z * stride[1] + q - before[1]
            if 0 <= i < size[0] and 0 <= j < size[1]:
                expected.values[((b * size[0] + i) * size[1] + j) * 4 + c] += (
                    x(b, y, z, k) * got["w"](p, q, c, k))
        bench.same("conv2d_transpose %s %s" % (stride, padding), got["y"], expected)
    planes = x.transpose(0, 3, 1, 2)
    got = bench.run(definition({"x": [2, 3, 7, 6]},
                               "y = layers.conv2d(x, 4, 3, data_format='channels_first', "
                               "kernel_initializer=noise, bias_initializer=noise)",
                               {"y": "y", **variables("wb")}), {"x": planes}, "ywb")
    bench.same("conv2d of channels first", got["y"],
               add(conv2d(x, got["w"]), got["b"]).transpose(0, 3, 1, 2))
    # Each operation on the same numbers in either order: what it gives, and what a loss of that
    # gives back to its operands.
    calls = {
        "layers.conv2d_transpose": "layers.conv2d_transpose(i, 4, (3, 2), (2, 3), 'same', "
                                   "data_format=layer, reuse=AUTO_REUSE, name='up')",
        "layers.separable_conv2d": "layers.separable_conv2d(i, 4, 3, 2, 'same', data_format=layer, "
                                   "reuse=AUTO_REUSE, name='apart')",
        "layers.average_pooling2d": "layers.average_pooling2d(i, (3, 2), (2, 1), 'same', "
                                    "data_format=layer)",
        "conv2d_transpose": "conv2d_transpose(i, k, shaped(2, 14, 18, 2), line(2, 3), 'SAME', "
                            "data_format=order)",
        "conv2d_backprop_input": "conv2d_backprop_input(shaped(2, 7, 12, 2), k, i, line(1, 2), "
                                 "'SAME', data_format=order)",
        "depthwise_conv2d": "depthwise_conv2d(i, d, line(1, 1), 'VALID', (2, 1), data_format=order)",
        "depthwise_conv2d_native_backprop_input":
            "depthwise_conv2d_native_backprop_input(shaped(2, 14, 6, 1), k[:, :, :1], i, "
            "line(2, 1), 'SAME', data_format=order)",
        "tf.nn.separable_conv2d": "tf.nn.separable_conv2d(i, d, reshape(k, [1, 1, 6, 6]), "
                                  "line(1, 1), 'SAME', data_format=order)",
        "conv2d_backprop_filter": "conv2d_backprop_filter(i, [3, 3, 3, 3], i, line(1, 1), 'SAME', "
                                  "data_format=order)",
    }
    for name, call in calls.items():
        text = definition({"x": [2, 7, 6, 3], "k": [3, 2, 2, 3]}, """
def both(first):
    order = "NCHW" if first else "NHWC"
    layer = "channels_first" if first else "channels_last"
    shaped = lambda n, h, w, c: [n, c, h, w] if first else [n, h, w, c]
    line = lambda h, w: [1, 1, h, w] if first else [1, h, w, 1]
    i = transpose(x, [0, 3, 1, 2]) if first else x
    d = transpose(k, [0, 1, 3, 2])
    y = CALL
    back = [g for g in gradients(square(y), [x, k] + trainable_variables()) if g is not None]
    image = first and y.shape[0] == 2
    return [transpose(y, [0, 2, 3, 1]) if image else y] + back
set_random_seed(3)
last = both(False)
first = both(True)
assert last[0].shape.as_list() == first[0].shape.as_list()
assert len(last) == len(first) and len(last) > 1
y = concat([reshape(t, [-1]) for t in last], 0)
z = concat([reshape(t, [-1]) for t in first], 0)
""".replace("CALL", call), {"y": "y", "z": "z"})
        got = bench.run(text, {"x": x, "k": numbers(3, 2, 2, 3)}, "yz")
        assert any(v != 0 for v in got["y"].values), name
        bench.same("%s of channels first" % name, got["z"], got["y"])
    x1 = numbers(2, 9, 3)
    text = definition({"x": [2, 9, 3], "w": [2, 3, 4]},
                      "y = tf.nn.conv1d(x, w, 2, 'SAME')\nz = transpose(tf.nn.conv1d(transpose(x, "
                      "[0, 2, 1]), w, [1, 1, 2], 'SAME', data_format='NCW'), [0, 2, 1])",
                      {"y": "y", "z": "z"})
    got = bench.run(text, {"x": x1, "w": numbers(2, 3, 4)}, "yz")
    bench.same("tf.nn.conv1d of NCW", got["z"], got["y"])
    s = numbers(2, 9, 3)
    got = bench.run(definition({"x": ["dim('N')", 9, 3]},
                               "y = layers.conv1d(x, 4, 3, padding='causal', dilation_rate=2, "
                               "kernel_initializer=noise, bias_initializer=noise)",
                               {"y": "y", **variables("wb")}), {"x": s}, "ywb")
    expected = Array.of((2, 9, 4), lambda b, t, k: got["b"](k) + sum(
        s(b, t - 2 * (2 - p), c) * got["w"](p, c, k)
        for p in range(3) for c in range(3) if t - 2 * (2 - p) >= 0))
    bench.same("conv1d, causal", got["y"], expected)


def test_functions(bench):
    """tf.nn's functions that are made of others."""
    a, b = numbers(2, 3, 4), numbers(4, 3, 5)
    x, w, d, p = numbers(2, 5, 3), numbers(2, 3, 4), numbers(3, 3, 2, 2), numbers(1, 1, 4, 3)
    images = numbers(1, 5, 4, 2)
    text = definition(
        {"a": ["dim('N')", 3, 4], "b": [4, 3, 5], "x": ["dim('M')", 5, 3], "w": [2, 3, 4],
         "images": [1, 5, 4, 2], "d": [3, 3, 2, 2], "p": [1, 1, 4, 3]},
        "one = tf.tensordot(a, b, [[2, 1], [0, 1]])\ntwo = tensordot(a, b[..., 0], 1)\n"
        "c = tf.nn.conv1d(x, w, 2, 'SAME')\n"
        "s = tf.nn.separable_conv2d(images, d, p, strides=[1, 2, 2, 1], padding='SAME')\n"
        "n = tf.nn.batch_normalization(x, w[0, :, 0], exp(w[0, :, 1]), w[1, :, 0], w[1, :, 1], 0.1)",
        {k: k for k in ["one", "two", "c", "s", "n"]})
    got = bench.run(text, {"a": a, "b": b, "x": x, "w": w, "images": images, "d": d, "p": p},
                    ["one", "two", "c", "s", "n"])
    bench.same("tensordot over two axes", got["one"], Array.of((2, 5), lambda i, l: sum(
        a(i, j, k) * b(k, j, l) for j in range(3) for k in range(4))))
    bench.same("tensordot over one axis", got["two"], Array.of((2, 3, 3), lambda i, j, l: sum(
        a(i, j, k) * b(k, l, 0) for k in range(4))))
    wide = conv2d(x.reshape(2, 1, 5, 3), w.reshape(1, 2, 3, 4), (1, 2), True)
    bench.same("tf.nn.conv1d", got["c"], wide.reshape(2, 3, 4))
    bench.same("tf.nn.separable_conv2d", got["s"],
               conv2d(conv2d(images, d, (2, 2), True, depthwise=True), p))
    bench.same("tf.nn.batch_normalization", got["n"], Array.of(x.shape, lambda i, j, k: (
        x(i, j, k) - w(0, k, 0)) / math.sqrt(math.exp(w(0, k, 1)) + 0.1) * w(1, k, 1) + w(1, k, 0)))


def test_pooling(bench):
    x = numbers(2, 5, 6, 3)
    body = ("m = layers.max_pooling2d(x, 2, 2, padding='same')\n"
            "a = layers.average_pooling2d(x, (3, 2), (1, 2), padding='same')\n"
            "f = layers.flatten(x)")
    got = bench.run(definition({"x": ["dim('N')", 5, 6, 3]}, body, {"m": "m", "a": "a", "f": "f"}),
                    {"x": x}, "maf")
    bench.same("max_pooling2d", got["m"], Array.of((2, 3, 3, 3), lambda b, i, j, c: max(
        x(b, y, z, c) for y in (2 * i, 2 * i + 1) for z in (2 * j, 2 * j + 1) if y < 5)))

    def mean(b, i, j, c):
        window = [x(b, y, z, c) for y in (i - 1, i, i + 1) for z in (2 * j, 2 * j + 1)
                  if 0 <= y < 5]
        return sum(window) / len(window)
    bench.same("average_pooling2d", got["a"], Array.of((2, 5, 3, 3), mean))
    bench.same("flatten", got["f"], x.reshape(2, 90))


def test_batch_normalization(bench):
    settings = ("beta_initializer=noise, gamma_initializer=noise, moving_mean_initializer=noise, "
                "moving_variance_initializer=random_uniform_initializer(0.5, 1.5)")
    names = variables(["gamma", "beta", "mean", "variance"])
    for shape, axis, momentum in [((6, 4), -1, 0.99), ((3, 4, 5, 2), -1, 0.9), ((3, 2, 4), 1, 0.8)]:
        x = numbers(*shape)
        channel = axis % len(shape)
        dims = ["dim('N')", *shape[1:]]
        got = bench.run(definition(
            {"x": dims}, "y = layers.batch_normalization(x, axis=%d, %s)" % (axis, settings),
            {"y": "y", **names}), {"x": x}, ["y", *names])
        what = "batch_normalization of %s" % (shape,)
        epsilon = 1e-3
        bench.same(what, got["y"], normalized(x, got["mean"], got["variance"], got["gamma"],
                                              got["beta"], epsilon, channel))
        # In training; by a bool, and by a tensor.
        for training, inputs in [("True", {}), ("t", {"t": ("|b1", Array([], [1.0]))})]:
            text = definition(
                {"x": dims},
                "t = placeholder(bool, [], name='t')\n"
                "y = layers.batch_normalization(x, axis=%d, momentum=%g, training=%s, %s)\n"
                "u, v = get_collection(GraphKeys.UPDATE_OPS)"
                % (axis, momentum, training, settings),
                {"y": "y", **names,
                 "u": "u.outputs[0]", "v": "v.outputs[0]"})
            if inputs:
                text = text.replace("run(x=x)", "run(x=x, t=t)")
            got = bench.run(text, {"x": x, **inputs}, ["y", *names, "u", "v"])
            mean, variance, count = moments(x, [i for i in range(len(shape)) if i != channel])
            bench.same(what + " in training", got["y"], normalized(
                x, mean, variance, got["gamma"], got["beta"], epsilon, channel))
            # Images move toward the unbiased variance.
            if len(shape) == 4:
                variance = variance.map(lambda v: v * count / (count - 1))
            for moved, old, toward in [("u", "mean", mean), ("v", "variance", variance)]:
                bench.same(what + ", moving " + old, got[moved], Array(toward.shape, (
                    a * momentum + b * (1 - momentum)
                    for a, b in zip(got[old].values, toward.values))))


def test_batch_normalization_of_towers(bench):
    a, b = numbers(4, 3), numbers(5, 3)
    text = definition(
        {"a": ["dim('A')", 3], "b": ["dim('B')", 3]},
        "first = layers.batch_normalization(a, training=True, momentum=0.5, name='bn')\n"
        "second = layers.batch_normalization(b, training=True, momentum=0.5, name='bn', "
        "reuse=True)\nupdates = get_collection(GraphKeys.UPDATE_OPS)",
        {"y": "second", "m": "updates[2].outputs[0]", "v": "updates[3].outputs[0]"})
    got = bench.run(text, {"a": a, "b": b}, "ymv")
    for name, i, start in [("m", 0, 0.0), ("v", 1, 1.0)]:
        first, second = moments(a, [0])[i], moments(b, [0])[i]
        bench.same("moving averages of two towers", got[name], Array(first.shape, (
            (start * 0.5 + p * 0.5) * 0.5 + q * 0.5 for p, q in zip(first.values, second.values))))


def test_layer_normalization(bench):
    x = numbers(3, 4, 5)
    got = bench.run(definition(
        {"x": ["dim('N')", 4, 5]},
        "y = layers.layer_normalization(x, beta_initializer=noise, gamma_initializer=noise)\n"
        "z = layers.layer_normalization(x, axis=[1, 2], epsilon=1e-5)",
        {"y": "y", "z": "z", **variables("gb")}), {"x": x}, "yzgb")
    mean, variance, _ = moments(x, [2])
    bench.same("layer_normalization", got["y"], Array.of(x.shape, lambda i, j, k: (
        x(i, j, k) - mean(i, j)) / math.sqrt(variance(i, j) + 1e-3) * got["g"](k) + got["b"](k)))
    mean, variance, _ = moments(x, [1, 2])
    bench.same("layer_normalization of two axes", got["z"], Array.of(x.shape, lambda i, j, k: (
        x(i, j, k) - mean(i)) / math.sqrt(variance(i) + 1e-5)))


def test_group_normalization(bench):
    x = numbers(2, 3, 2, 6)
    body = ("y = layers.group_normalization(x, groups=3, beta_initializer=noise, "
            "gamma_initializer=noise)\nz = layers.group_normalization(transpose(x, [0, 3, 1, 2]), "
            "groups=2, axis=1, center=False, scale=False)")
    got = bench.run(definition({"x": ["dim('N')", "dim('H')", 2, 6]}, body,
                               {"y": "y", "z": "z", **variables("gb")}), {"x": x}, "yzgb")
    for name, width in [("y", 2), ("z", 3)]:
        grouped = x.reshape(2, 6, 6 // width, width)
        mean, variance, _ = moments(grouped, [1, 3])
        made = Array.of(x.shape, lambda b, i, j, c: (x(b, i, j, c) - mean(b, c // width))
                        / math.sqrt(variance(b, c // width) + 1e-3))
        if name == "y":
            made = Array.of(x.shape, lambda b, i, j, c: made(b, i, j, c) * got["g"](c) + got["b"](c))
        else:
            made = made.transpose(0, 3, 1, 2)
        bench.same("group_normalization " + name, got[name], made)


def test_dropout(bench):
    x = numbers(50, 40, low=0.5)
    text = definition({"x": ["dim('N')", 40]},
                      "y = layers.dropout(x, 0.3, training=True)\n"
                      "z = layers.dropout(x, 0.3, noise_shape=[None, 1], training=True)\n"
                      "i = layers.dropout(x, 0.3)", {"y": "y", "z": "z", "i": "i"})
    got = bench.run(text, {"x": x}, "yzi")
    bench.same("dropout in inference", got["i"], x)
    kept = [v != 0 for v in got["y"].values]
    bench.same("dropout's scale", got["y"], Array(x.shape, (
        v / 0.7 if k else 0.0 for v, k in zip(x.values, kept))))
    # 2000 draws: the share kept is within 4 standard deviations of 0.7.
    share = sum(kept) / len(kept)
    bench.same("dropout's share", Array([], [share]), Array([], [0.7]), 4 * math.sqrt(.21 / 2000))
    rows = [{got["z"](i, j) != 0 for j in range(40)} for i in range(50)]
    bench.same("dropout's noise shape", Array([], [max(map(len, rows))]), Array([], [1.0]))


def test_embedding_lookup(bench):
    ids = Array((2, 3), [0, 4, 6, 1, 3, 5])
    text = (PREAMBLE + "ids = placeholder(int32, [dim('N'), 3], name='ids')\n"
            "parts = [get_variable('t%d' % i, [n, 4], float64, noise) for i, n in enumerate([3, 2, 2])]\n"
            "y = embedding_lookup(parts, ids)\n"
            "z = embedding_lookup(concat(parts, 0), ids, max_norm=0.5)\n"
            "export run(ids=ids) -> (y=y, z=z, a=parts[0], b=parts[1], c=parts[2])\n")
    got = bench.run(text, {"ids": ("<i4", ids)}, "yzabc")
    parts = [got[n] for n in "abc"]
    # Row i stands in part i mod 3.
    bench.same("embedding_lookup", got["y"], Array.of((2, 3, 4), lambda i, j, k: parts[
        int(ids(i, j)) % 3](int(ids(i, j)) // 3, k)))
    rows = [[p(i, k) for k in range(4)] for p in parts for i in range(p.shape[0])]
    rows = [[v * min(1.0, 0.5 / math.sqrt(sum(w * w for w in row))) for v in row] for row in rows]
    bench.same("embedding_lookup with max_norm", got["z"],
               Array.of((2, 3, 4), lambda i, j, k: rows[int(ids(i, j))][k]))


def row(a, *at):
    """The vector at these leading indices."""
    return [a(*at, i) for i in range(a.shape[-1])]


def affine(v, w, b):
    return [b(j) + sum(v[i] * w(i, j) for i in range(len(v))) for j in range(w.shape[1])]


def gates(z, count):
    n = len(z) // count
    return [z[i * n:(i + 1) * n] for i in range(count)]


def zipped(function, *vectors):
    return [function(*each) for each in zip(*vectors)]


def basic_rnn(x, state, w, b):
    h = list(map(math.tanh, affine(x + state[0], w, b)))
    return h, [h]


def basic_lstm(x, state, w, b, forget=1.0):
    c, h = state
    i, j, f, o = gates(affine(x + h, w, b), 4)
    c = zipped(lambda c, i, j, f: c * sigmoid(f + forget) + sigmoid(i) * math.tanh(j), c, i, j, f)
    h = zipped(lambda c, o: math.tanh(c) * sigmoid(o), c, o)
    return h, [c, h]


def peephole_lstm(x, state, w, b, wf, wi, wo, projection):
    c, h = state
    i, j, f, o = gates(affine(x + h, w, b), 4)
    c = [sigmoid(f[k] + 1.0 + wf(k) * c[k]) * c[k] + sigmoid(i[k] + wi(k) * c[k]) * math.tanh(j[k])
         for k in range(len(c))]
    m = [sigmoid(o[k] + wo(k) * c[k]) * math.tanh(c[k]) for k in range(len(c))]
    h = affine(m, projection, lambda _: 0.0)
    return h, [c, h]


def gru(x, state, gw, gb, cw, cb):
    (h,) = state
    r, u = gates(list(map(sigmoid, affine(x + h, gw, gb))), 2)
    c = map(math.tanh, affine(x + zipped(lambda r, h: r * h, r, h), cw, cb))
    h = zipped(lambda u, h, c: u * h + (1 - u) * c, u, h, c)
    return h, [h]


def unrolled(step, x, sizes, weights, lengths=None):
    """(outputs, last states) of a cell over (batch, time, depth), from states of zeros."""
    batch, time, _ = x.shape
    outputs, states = [], [[] for _ in sizes]
    for b in range(batch):
        state = [[0.0] * n for n in sizes]
        for t in range(time):
            output, new = step(row(x, b, t), state, *weights)
            within = lengths is None or t < lengths[b]
            state = new if within else state
            outputs += output if within else [0.0] * len(output)
        for part, kept in zip(state, states):
            kept += part
    return (Array((batch, time, len(outputs) // (batch * time)), outputs),
            [Array((batch, n), kept) for n, kept in zip(sizes, states)])


def test_cells(bench):
    x = numbers(3, 4, 2)
    cells = [
        ("BasicRNNCell(3)", basic_rnn, [3], 2, "state", ["state"]),
        ("BasicLSTMCell(3)", basic_lstm, [3, 3], 2, "state.h", ["state.c", "state[1]"]),
        ("LSTMCell(3, use_peepholes=True, num_proj=2, initializer=noise)", peephole_lstm, [3, 2], 6,
         "state.h", ["state.c", "state.h"]),
        ("GRUCell(3, bias_initializer=noise)", gru, [3], 4, "state", ["state"])]
    lengths = [4, 1, 0]
    for cell, step, sizes, count, _, parts in cells:
        names = variables(["w%d" % i for i in range(count)])
        states = {"s%d" % i: part for i, part in enumerate(parts)}
        body = ("y, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.%s, x, dtype=float64)\n" % cell)
        got = bench.run(definition({"x": ["dim('N')", 4, 2]}, body, {"y": "y", **states, **names}),
                        {"x": x}, ["y", *states, *names])
        outputs, last = unrolled(step, x, sizes, [got[n] for n in names])
        bench.same(cell, got["y"], outputs)
        for i, part in enumerate(last):
            bench.same(cell + ", " + parts[i], got["s%d" % i], part)
        body = ("lengths = placeholder(int32, [3], name='lengths')\n"
                "each, state = tf.nn.static_rnn(tf.nn.rnn_cell.%s, unstack(x, axis=1), "
                "dtype=float64, sequence_length=lengths)\ny = stack(each, 1)" % cell)
        text = definition({"x": [3, 4, 2]}, body, {"y": "y", **states, **names})
        got = bench.run(text.replace("run(x=x)", "run(x=x, lengths=lengths)"),
                        {"x": x, "lengths": ("<i4", Array([3], lengths))}, ["y", *states, *names])
        outputs, last = unrolled(step, x, sizes, [got[n] for n in names], lengths)
        bench.same(cell + " with lengths", got["y"], outputs)
        for i, part in enumerate(last):
            bench.same(cell + " with lengths, " + parts[i], got["s%d" % i], part)


def test_stacked_cells(bench):
    x = numbers(2, 3, 4)
    body = ("rnn_cell = tf.nn.rnn_cell\n"
            "cell = rnn_cell.MultiRNNCell([rnn_cell.BasicRNNCell(4), rnn_cell.GRUCell(3)])\n"
            "y, (a, b) = tf.nn.dynamic_rnn(cell, x, dtype=float64)\n"
            "residual = rnn_cell.ResidualWrapper(rnn_cell.BasicRNNCell(4))\n"
            "z, _ = tf.nn.dynamic_rnn(residual, x, dtype=float64, scope='residual')\n"
            "(f, g), _ = tf.nn.bidirectional_dynamic_rnn(rnn_cell.BasicRNNCell(2), "
            "rnn_cell.BasicRNNCell(2), transpose(x, [1, 0, 2]), dtype=float64, time_major=True)")
    names = variables(["w%d" % i for i in range(12)])
    got = bench.run(definition({"x": ["dim('N')", 3, 4]}, body,
                               {"y": "y", "a": "a", "b": "b", "z": "z", "f": "f", "g": "g", **names}),
                    {"x": x}, ["y", "a", "b", "z", "f", "g", *names])
    w = [got[n] for n in names]
    lower, (a,) = unrolled(basic_rnn, x, [4], w[:2])
    upper, (b,) = unrolled(gru, lower, [3], w[2:6])
    bench.same("MultiRNNCell", got["y"], upper)
    bench.same("MultiRNNCell, first state", got["a"], a)
    bench.same("MultiRNNCell, second state", got["b"], b)

    def residual(x, state, w, b):
        output, state = basic_rnn(x, state, w, b)
        return zipped(lambda x, y: x + y, x, output), state
    bench.same("ResidualWrapper", got["z"], unrolled(residual, x, [4], w[6:8])[0])
    bench.same("bidirectional, forward", got["f"].transpose(1, 0, 2),
               unrolled(basic_rnn, x, [2], w[8:10])[0])
    mirrored = Array.of(x.shape, lambda b, t, i: x(b, 2 - t, i))
    backward = unrolled(basic_rnn, mirrored, [2], w[10:12])[0]
    bench.same("bidirectional, backward", got["g"].transpose(1, 0, 2),
               Array.of(backward.shape, lambda b, t, i: backward(b, 2 - t, i)))


def attended(q, k, v, allowed):
    """Of one batch: lists of vectors."""
    result = []
    for i, query in enumerate(q):
        scores = [sum(a * b for a, b in zip(query, key)) / math.sqrt(len(query)) for key in k]
        weights = [math.exp(s) if allowed(i, j) else 0.0 for j, s in enumerate(scores)]
        result.append([sum(w * each[d] for w, each in zip(weights, v)) / sum(weights)
                       for d in range(len(v[0]))])
    return result


def test_attention(bench):
    q, k, v = numbers(2, 3, 4), numbers(2, 5, 4), numbers(2, 5, 2)
    mask = Array.of((2, 1, 5), lambda b, _, j: float(j != 2 + b))
    body = ("mask = placeholder(float64, [2, 1, 5], name='mask')\n"
            "y, w = layers.scaled_dot_product_attention(q, k, v, mask=mask)\n"
            "c, _ = layers.scaled_dot_product_attention(q, k, v, mask=mask > 0.5, causal=True)")
    text = definition({"q": ["dim('N')", 3, 4], "k": ["dim('N')", 5, 4], "v": ["dim('N')", 5, 2]},
                      body, {"y": "y", "c": "c"}).replace("v=v)", "v=v, mask=mask)")
    got = bench.run(text, {"q": q, "k": k, "v": v, "mask": mask}, "yc")

    def expected(causal):
        return Array((2, 3, 2), [n for b in range(2) for each in attended(
            [row(q, b, i) for i in range(3)], [row(k, b, i) for i in range(5)],
            [row(v, b, i) for i in range(5)],
            lambda i, j: j != 2 + b and (j <= i or not causal)) for n in each])
    bench.same("attention", got["y"], expected(False))
    bench.same("attention, causal", got["c"], expected(True))


def test_multi_head_attention(bench):
    x = numbers(2, 3, 6)
    names = variables(["qw", "qb", "kw", "kb", "vw", "vb", "ow", "ob"])
    body = ("with variable_scope('', initializer=noise):\n"
            "    y = layers.multi_head_attention(x, num_heads=2, causal=True)")
    got = bench.run(definition({"x": ["dim('N')", "dim('T')", 6]}, body, {"y": "y", **names}),
                    {"x": x}, ["y", *names])
    out = []
    for b in range(2):
        parts = [[affine(row(x, b, t), got[p + "w"], got[p + "b"]) for t in range(3)] for p in "qkv"]
        heads = [attended(*[[each[3 * h:3 * h + 3] for each in part] for part in parts],
                          lambda i, j: j <= i) for h in range(2)]
        for t in range(3):
            out += affine(heads[0][t] + heads[1][t], got["ow"], got["ob"])
    bench.same("multi_head_attention", got["y"], Array((2, 3, 6), out))


def test_scan(bench):
    x, y = numbers(5, 2), numbers(5, 2)
    text = definition(
        {"x": [5, 2], "y": [5, 2]},
        "s = scan(lambda a, e: 0.5 * a + e, x, zeros([2], float64))\n"
        "f = scan(lambda a, e: a * e, x, reverse=True)\n"
        "p, q = scan(lambda a, e: (a[0] + e[0], a[1] * e[1]), (x, y), (zeros([2], float64), y[0]))\n"
        "l = foldl(lambda a, e: a - e, x)\nr = tf.foldr(lambda a, e: e - a, x, y[0])\n"
        "m, n = tf.map_fn(lambda e: (e[0] * e[1], reduce_sum(e[0])), (x, y), dtype=(float64, float64))\n"
        "k = scan(lambda a, e: a + e, [1, 2, 3, 4])\n"
        "w = scan(lambda a, e: tanh(layers.dense(a + expand_dims(e, 0), 2, name='step', "
        "kernel_initializer=noise)), x, zeros([1, 2], float64))\n"
        "d = gradients(reduce_sum(s), x)[0]",
        {**{name: name for name in "sfpqlrmnkwd"}, "v": "global_variables()[0]"})
    got = bench.run(text.replace("k=k", "k=cast(k, float64)"), {"x": x, "y": y}, "sfpqlrmnkwdv")

    def folded(start, step, order):
        results, state = {}, start
        for t in order:
            state = results[t] = [step(state[i], i, t) for i in range(2)]
        return results
    zero = [0.0, 0.0]
    at = lambda results: Array.of((len(results), 2), lambda t, i: results[t][i])
    bench.same("scan", got["s"], at(folded(zero, lambda a, i, t: a * 0.5 + x(t, i), range(5))))
    last = folded(row(x, 4), lambda a, i, t: a * x(t, i), (3, 2, 1, 0))
    bench.same("scan in reverse", got["f"], at({**last, 4: row(x, 4)}))
    bench.same("scan of pairs", got["p"], at(folded(zero, lambda a, i, t: a + x(t, i), range(5))))
    bench.same("scan of pairs", got["q"], at(folded(row(y, 0), lambda a, i, t: a * y(t, i), range(5))))
    bench.same("foldl", got["l"], Array([2], folded(
        row(x, 0), lambda a, i, t: a - x(t, i), range(1, 5))[4]))
    bench.same("foldr", got["r"], Array([2], folded(
        row(y, 0), lambda a, i, t: x(t, i) - a, (4, 3, 2, 1, 0))[0]))
    bench.same("map_fn", got["m"], Array.of((5, 2), lambda t, i: x(t, i) * y(t, i)))
    bench.same("map_fn", got["n"], Array.of((5,), lambda t: sum(row(x, t))))
    bench.same("scan of numbers", got["k"], Array([4], [1, 3, 6, 10]))
    shared = folded(zero, lambda a, i, t: 0.0, ())
    state = zero
    for t in range(5):
        state = shared[t] = [math.tanh(sum((state[j] + x(t, j)) * got["v"](j, i) for j in range(2)))
                             for i in range(2)]
    bench.same("scan with variables", got["w"].reshape(5, 2), at(shared))
    bench.same("derivative of scan", got["d"],
               Array.of((5, 2), lambda t, i: sum(0.5 ** k for k in range(5 - t))))


def test_derivatives(bench):
    """Of a weighted sum of what each layer makes, along a direction of its input."""
    rnn = "tf.nn.dynamic_rnn(tf.nn.rnn_cell.%s, x, dtype=float64)[0]"
    makes = {
        "dense": ([3, 4], "layers.dense(x, 5, tanh)"),
        "dense of rank 3": ([2, 3, 4], "layers.dense(x, 5, sigmoid)"),
        "conv1d": ([2, 7, 3], "layers.conv1d(x, 4, 3, padding='causal', activation=tanh)"),
        "conv2d": ([2, 5, 6, 2], "layers.conv2d(x, 3, 3, strides=2, padding='same')"),
        "conv2d_transpose": ([2, 3, 4, 2], "layers.conv2d_transpose(x, 3, 3, strides=2)"),
        "separable_conv2d": ([2, 5, 6, 2], "layers.separable_conv2d(x, 3, 3)"),
        "max_pooling2d": ([2, 5, 6, 2], "layers.max_pooling2d(x, 2, 2, padding='same')"),
        "average_pooling2d": ([2, 5, 6, 2], "layers.average_pooling2d(x, 3, 2, padding='same')"),
        "flatten": ([2, 3, 4], "layers.flatten(x)"),
        "dropout": ([6, 5], "layers.dropout(x, 0.4, training=True)"),
        "batch_normalization": ([5, 3], "layers.batch_normalization(x)"),
        "batch_normalization in training": (
            [5, 3], "layers.batch_normalization(x, training=True)"),
        "batch_normalization of images": (
            [3, 2, 4, 3], "layers.batch_normalization(x, training=True)"),
        "layer_normalization": ([3, 4, 5], "layers.layer_normalization(x, axis=[1, 2])"),
        "BasicRNNCell": ([2, 3, 4], rnn % "BasicRNNCell(3)"),
        "BasicLSTMCell": ([2, 3, 4], rnn % "BasicLSTMCell(3)"),
        "LSTMCell": ([2, 3, 4], rnn % "LSTMCell(3, use_peepholes=True, num_proj=2)"),
        "GRUCell": ([2, 3, 4], rnn % "GRUCell(3)"),
        "multi_head_attention": (
            [2, 3, 6], "layers.multi_head_attention(x, num_heads=2, causal=True)"),
    }
    for what, (shape, make) in makes.items():
        body = ("with variable_scope('', initializer=noise):\n    y = %s\n"
                "loss = reduce_sum(y * sin(cast(reshape(tf.range(size(y)), shape(y)), float64)))\n"
                "slope = reduce_sum(gradients(loss, x)[0] * way)\n" % make)
        text = definition({"at": shape, "way": shape}, "x = at + step * way\n" + body,
                          {"loss": "loss", "slope": "slope"})
        text = text.replace("x = at", "step = placeholder(float64, [], name='step')\nx = at", 1)
        text = text.replace("way=way)", "way=way, step=step)")
        at, way = numbers(*shape), numbers(*shape)
        losses = {}
        for step in (-1e-5, 0.0, 1e-5):
            got = bench.run(text, {"at": at, "way": way, "step": Array([], [step])},
                            ["loss", "slope"])
            losses[step] = got["loss"].values[0]
            if step == 0.0:
                slope = got["slope"]
        central = (losses[1e-5] - losses[-1e-5]) / 2e-5
        bench.same("derivative of " + what, slope, Array([], [central]),
                   1e-6 * max(1.0, abs(central)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True)
    parser.add_argument("names", nargs="*", help="tests to run; all, if none is named")
    options = parser.parse_args()
    bench = Bench(str(pathlib.Path(options.graphc).resolve()))
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or (options.names and name[5:] not in options.names):
            continue
        random.seed(7)
        try:
            test(bench)
        except RuntimeError as problem:
            bench.failed += 1
            print("FAIL %s: %s" % (name, problem))
    print("layers: %d passed, %d failed" % (bench.passed, bench.failed))
    return 1 if bench.failed or not bench.passed else 0


if __name__ == "__main__":
    sys.exit(main())
