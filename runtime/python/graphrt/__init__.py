"""Calls compiled graph definitions with NumPy arrays.

`graphc build lenet.graph --emit=shared` makes liblenet.so, which holds all that is needed:

    import graphrt
    model = graphrt.load("liblenet.so")
    net = model.create(checkpoint="lenet.safetensors")
    probabilities = net.predict(image=images)

Nothing is compiled and no header is read: a library describes itself. Python's lock is released
while a call runs. One call at a time per instance; `share()` makes another one, over the same
variables, for another thread.
"""

import ctypes as _c
import os as _os
import re as _re
from collections import namedtuple as _namedtuple

import numpy as _np

from . import _layout

__all__ = ["Error", "Export", "Instance", "Model", "ShapeError", "Tensor", "Variable", "load"]


class Error(RuntimeError):
    """A call that failed. `status` is its name: "out of range", "bad checkpoint", …"""

    def __init__(self, message, status=""):
        super().__init__(message)
        self.status = status


class ShapeError(Error, ValueError):
    """An array whose shape does not fit."""


# dtype as in definitions; a dimension is a number, the name of one known at run time only, or None
# for one that is computed from others.
Tensor = _namedtuple("Tensor", "name dtype shape")
Variable = _namedtuple("Variable", "name op dtype shape trainable")
Export = _namedtuple("Export", "name dims inputs outputs updates")


def load(path, name=None):
    """Opens a library that `graphc build --emit=shared` made. `name` is the model's, where the
    file's name is not lib<name>.so any more. Raises OSError if it is no library that can be loaded,
    Error if it holds no such model."""
    return Model(path, name)


def _numpy(dtype):
    return _np.dtype(_layout.DTYPES[dtype][1])


def _tensor(info, dim_names):
    dims = [info.dims[i] for i in range(info.rank)]
    shape = tuple(d if d >= 0 else None if d == _layout.DIM_COMPUTED else dim_names[-1 - d]
                  for d in dims)
    return Tensor(info.name.decode(), _layout.DTYPES[info.dtype][0], shape)


class Model:
    """A compiled definition: `name`, `exports` and `variables` (by their names, in order)."""

    def __init__(self, path, name=None):
        path = _os.fspath(path)
        self._library = _c.CDLL(_os.path.abspath(path))
        if name is None:
            match = _re.match(r"lib(\w+)\.so", _os.path.basename(path))
            if not match:
                raise Error("%s is not named lib<model>.so; say name=…" % path, "invalid argument")
            name = match.group(1)
        try:
            describe = getattr(self._library, name + "_model")
            self._message = self._library.graphrt_message
            self._status_name = self._library.graphrt_status_name
        except AttributeError:
            raise Error("%s holds no compiled definition '%s'" % (path, name),
                        "invalid argument") from None
        describe.restype = _c.POINTER(_layout.Model)
        self._message.restype = _c.c_char_p
        self._status_name.restype = _c.c_char_p
        self._info = describe().contents
        if self._info.struct_size < _c.sizeof(_layout.Model):
            raise Error("%s was made by %s, whose interface is older than this module" %
                        (path, (self._info.producer or b"?").decode()), "unsupported")
        self.path = path
        self.name = self._info.name.decode()
        self.producer = self._info.producer.decode()
        self.variables = {}
        for i in range(self._info.variable_count):
            v = self._info.variables[i]
            shape = tuple(v.dims[d] for d in range(v.rank))
            self.variables[v.name.decode()] = Variable(
                v.name.decode(), v.op.decode(), _layout.DTYPES[v.dtype][0], shape,
                bool(v.flags & 1))
        names = list(self.variables)
        self.exports = {}
        for i in range(self._info.export_count):
            e = self._info.exports[i]
            dims = tuple(e.dim_names[k].decode() for k in range(e.dim_count))
            self.exports[e.name.decode()] = Export(
                e.name.decode(), dims,
                tuple(_tensor(e.inputs[k], dims) for k in range(e.input_count)),
                tuple(_tensor(e.outputs[k], dims) for k in range(e.output_count)),
                tuple(names[e.updates[k]] for k in range(e.update_count)))

    def __repr__(self):
        return "<graphrt.Model %s: %s>" % (self.name, ", ".join(self.exports))

    def create(self, checkpoint=None, seed=0, threads=0, map=False):
        """Makes an instance. The initializers run, or `checkpoint` (safetensors) is loaded; `seed`
        0 is the definition's own, `threads` 0 one for each processor. With `map` the checkpoint's
        pages are used where they lie, shared with other processes (GRAPHRT_MAP_CHECKPOINT)."""
        if threads < 0 or not 0 <= seed < 2 ** 64:
            raise Error("threads and seed must be from 0 up", "invalid argument")
        config = _layout.Config(
            struct_size=_c.sizeof(_layout.Config), seed=seed, threads=threads,
            flags=_layout.MAP_CHECKPOINT if map else 0,
            checkpoint=None if checkpoint is None else _os.fsencode(checkpoint))
        handle = _c.c_void_p()
        self._check(self._info.create(_c.byref(config), _c.byref(handle)))
        return Instance(self, handle)

    def _check(self, status):
        if status == _layout.OK:
            return
        name = self._status_name(status).decode()
        kind = ShapeError if status == 3 else Error
        raise kind(self._message().decode("utf-8", "replace") or name, name)


class Instance:
    """Variables and a workspace. Exports are methods: net.predict(x) or net.predict(x=x) returns the
    output, or a named tuple of several. Dimensions that no input gives are keywords: net.make(N=3).
    Ended by close(), the end of a `with`, or when nothing refers to it any more."""

    def __init__(self, model, handle):
        self.model = model
        self._handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_handle", None):
            self.close()

    def close(self):
        handle, self._handle = self._handle, None
        if handle:
            self.model._info.destroy(handle)

    def _open(self):
        if not self._handle:
            raise Error("the instance is closed", "invalid argument")
        return self._handle

    def __getattr__(self, name):
        if name.startswith("_") or name not in self.model.exports:
            raise AttributeError("%s has no export '%s'; it has %s" % (
                self.model.name, name, ", ".join(self.model.exports) or "none"))
        return lambda *inputs, **named: self.call(name, *inputs, **named)

    def __dir__(self):
        return sorted(set(super().__dir__()) | set(self.model.exports))

    def call(self, export, *inputs, **named):
        """Calls an export. Arrays must have the input's dtype; lists and numbers are converted.
        Raises TypeError, ShapeError, Error."""
        if export not in self.model.exports:
            raise AttributeError("%s has no export '%s'" % (self.model.name, export))
        described = self.model.exports[export]
        index = list(self.model.exports).index(export)
        info = self.model._info.exports[index]
        arrays = self._bind(described, info, inputs, named)
        dims = self._dimensions(described, arrays, named)
        dim_array = (_c.c_int64 * max(1, len(dims)))(*dims)

        ranks = sum(len(tensor.shape) for tensor in described.outputs)
        shapes = (_c.c_int64 * max(1, ranks))()
        self.model._check(self.model._info.shapes(_c.byref(self.model._info), index, dim_array,
                                                  shapes))
        outputs, at = [], 0
        for k, tensor in enumerate(described.outputs):
            rank = len(tensor.shape)
            outputs.append(_np.empty(tuple(shapes[at:at + rank]), _numpy(info.outputs[k].dtype)))
            at += rank

        def pointers(buffers):
            return (_c.c_void_p * max(1, len(buffers)))(*[b.ctypes.data for b in buffers])
        self.model._check(self.model._info.call(self._open(), index, dim_array, pointers(arrays),
                                                pointers(outputs)))
        if len(outputs) == 1:
            return outputs[0]
        kind = _namedtuple(export, [t.name for t in described.outputs], rename=True)
        return kind(*outputs) if outputs else None

    @staticmethod
    def _bind(export, info, inputs, named):
        names = [tensor.name for tensor in export.inputs]
        if len(inputs) > len(names):
            raise TypeError("%s takes %d inputs, but %d were given" % (
                export.name, len(names), len(inputs)))
        given = dict(zip(names, inputs))
        for name, value in named.items():
            if name in given:
                raise TypeError("%s: '%s' is given twice" % (export.name, name))
            if name not in names and name not in export.dims:
                raise TypeError("%s has no input '%s'; it has %s" % (
                    export.name, name, ", ".join(names) or "none"))
            given[name] = value
        arrays = []
        for k, tensor in enumerate(export.inputs):
            if tensor.name not in given:
                raise TypeError("%s: input '%s' is missing" % (export.name, tensor.name))
            value, dtype = given[tensor.name], _numpy(info.inputs[k].dtype)
            if isinstance(value, (_np.ndarray, _np.generic)) and value.dtype != dtype:
                raise TypeError("%s: input '%s' is %s, but the array holds %s" % (
                    export.name, tensor.name, tensor.dtype, value.dtype))
            try:
                # The machine's byte order; ascontiguousarray would give a number one dimension.
                array = _np.array(value, dtype.newbyteorder("="), order="C", copy=False, ndmin=0)
            except (TypeError, ValueError) as why:
                raise TypeError("%s: input '%s': %s" % (export.name, tensor.name, why)) from None
            arrays.append(array)
        return arrays

    @staticmethod
    def _dimensions(export, arrays, named):
        known = {}
        for name in export.dims:
            if name in named:
                size = named[name]
                if not isinstance(size, (int, _np.integer)) or size < 0 or size >= 2 ** 63:
                    raise ShapeError("%s: '%s' is no size: %r" % (export.name, name, size),
                                     "bad shape")
                known[name] = int(size)
        for tensor, array in zip(export.inputs, arrays):
            fits = len(tensor.shape) == array.ndim
            for dim, size in zip(tensor.shape, array.shape) if fits else ():
                fits = fits and (dim is None or known.setdefault(dim, size) == size
                                 if not isinstance(dim, int) else dim == size)
            if not fits:
                wanted = ", ".join("?" if d is None else
                                   "%s=%d" % (d, known[d]) if d in known else str(d)
                                   for d in tensor.shape)
                raise ShapeError("%s: input '%s' has shape (%s), but the array has %s" % (
                    export.name, tensor.name, wanted, array.shape), "bad shape")
        for name in export.dims:
            if name not in known:
                raise TypeError("%s: the dimension '%s' is missing" % (export.name, name))
        return [known[name] for name in export.dims]

    def share(self):
        """Another instance over the same variables, for another thread."""
        handle = _c.c_void_p()
        self.model._check(self.model._info.share(self._open(), _c.byref(handle)))
        return Instance(self.model, handle)

    def load(self, path):
        """Replaces the variables by those of a safetensors file; all or nothing."""
        self.model._check(self.model._info.load(self._open(), _os.fsencode(path)))

    def save(self, path):
        """Writes the variables to a safetensors file."""
        self.model._check(self.model._info.save(self._open(), _os.fsencode(path)))

    def _variable(self, name):
        if name not in self.model.variables:
            raise KeyError("%s has no variable '%s'" % (self.model.name, name))
        index = list(self.model.variables).index(name)
        return self.model.variables[name], _numpy(self.model._info.variables[index].dtype)

    def __getitem__(self, name):
        """A copy of a variable."""
        variable, dtype = self._variable(name)
        array = _np.empty(variable.shape, dtype)
        self.model._check(self.model._info.get(self._open(), name.encode(), array.ctypes.data,
                                               array.nbytes))
        return array

    def __setitem__(self, name, value):
        variable, dtype = self._variable(name)
        if isinstance(value, _np.ndarray) and value.dtype != dtype:
            raise TypeError("variable '%s' is %s, but the array holds %s" % (
                name, variable.dtype, value.dtype))
        array = _np.array(value, dtype, order="C", copy=False, ndmin=0)
        if array.shape != variable.shape:
            raise ShapeError("variable '%s' has shape %s, but the array has %s" % (
                name, variable.shape, array.shape), "bad shape")
        self.model._check(self.model._info.set(self._open(), name.encode(), array.ctypes.data,
                                               array.nbytes))
