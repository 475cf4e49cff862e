#!/usr/bin/python3
"""torch_step.py MODEL THREADS DATA VARIABLES: the other of two programs that bench_training.py runs
by turns; training_step.c says what it reads and answers. VARIABLES is the safetensors file with the
numbers to begin with.

The fastest that PyTorch 1.13 has for training on processors: eager mode, one Adam step for all
variables at a time (foreach), images as channels last or first, whichever a few steps find faster.
"""

import json
import os
import resource
import struct
import sys
import time

BATCH, PIXELS = 64, 784


def read_variables(path):
    """The float32 tensors of a safetensors file, by their names."""
    import numpy
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            out[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).copy()
    return out


def make_network(name, nn):
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
                             nn.Linear(128, 10))
    return nn.Sequential(nn.Unflatten(1, (1, 28, 28)),
                         nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10))


def set_variables(torch, network, name, variables):
    """Gives the network the variables, whose axes PyTorch has in another order."""
    layers = {"mlp": ["first", "second", "scores"],
              "lenet": ["conv1", "conv2", "hidden", "scores"]}[name]
    modules = [m for m in network if hasattr(m, "weight")]
    with torch.no_grad():
        for layer, module in zip(layers, modules):
            kernel = variables[f"{name}/{layer}/kernel"]
            if kernel.ndim == 4:  # height, width, in, out
                kernel = kernel.transpose(3, 2, 0, 1)
            elif layer == "hidden":  # its rows are a picture's elements, channels last
                kernel = kernel.reshape(7, 7, 32, 128).transpose(3, 2, 0, 1).reshape(128, 1568)
            else:
                kernel = kernel.T
            module.weight.copy_(torch.from_numpy(kernel.copy()))
            module.bias.copy_(torch.from_numpy(variables[f"{name}/{layer}/bias"]))


class Training:
    """A network, its optimizer, and where it is among the batches."""

    def __init__(self, torch, name, variables, batches, channels_last):
        self.cross_entropy = torch.nn.functional.cross_entropy
        self.network = make_network(name, torch.nn)
        set_variables(torch, self.network, name, variables)
        if channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.001, foreach=True)
        self.batches, self.done = batches, 0

    def step(self):
        image, label = self.batches[self.done % len(self.batches)]
        self.done += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.cross_entropy(self.network(image), label)
        loss.backward()
        self.optimizer.step()
        return loss

    def best_time(self, steps):
        times = []
        for _ in range(steps):
            begin = time.process_time()
            self.step()
            times.append(time.process_time() - begin)
        return min(times)


def main():
    name, threads, data, variables = sys.argv[1:]
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = threads
    import numpy
    import torch
    torch.set_num_threads(int(threads))
    record = numpy.dtype([("image", "<f4", (BATCH, PIXELS)), ("label", "<i4", BATCH)])
    batches = [(torch.from_numpy(r["image"].copy()), torch.from_numpy(r["label"].astype("i8")))
               for r in numpy.fromfile(data, record)]
    numbers = read_variables(variables)

    def make(channels_last):
        return Training(torch, name, numbers, batches, channels_last)

    channels_last = name == "lenet" and make(True).best_time(8) < make(False).best_time(8)
    training = make(channels_last)

    for line in sys.stdin:
        command, *argument = line.split()
        if command == "peak":
            answer = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        elif command == "losses":
            answer = " ".join(repr(training.step().item()) for _ in range(int(argument[0])))
        elif command == "run":
            begin, used = time.monotonic(), time.process_time()
            for _ in range(int(argument[0])):
                training.step()
            answer = f"{time.monotonic() - begin:.9f} {time.process_time() - used:.9f}"
        else:
            sys.exit(f"torch_step.py: unknown command '{command}'")
        print(answer, flush=True)


main()
