"""The structures of graphrt/graphrt.h, as ctypes sees them."""

import ctypes as c

OK = 0
STATUS = c.c_int
DIM_COMPUTED = -(2 ** 63)

# graphrt_dtype: the names as in definitions, and NumPy's. bfloat16 has none there: its bits.
DTYPES = {1: ("float16", "float16"), 2: ("bfloat16", "uint16"), 3: ("float32", "float32"),
          4: ("float64", "float64"), 5: ("int8", "int8"), 6: ("int16", "int16"),
          7: ("int32", "int32"), 8: ("int64", "int64"), 9: ("uint8", "uint8"),
          10: ("uint16", "uint16"), 11: ("uint32", "uint32"), 12: ("uint64", "uint64"),
          13: ("bool", "bool")}

MAP_CHECKPOINT = 1  # Config.flags


class Config(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("checkpoint", c.c_char_p), ("seed", c.c_uint64),
                ("threads", c.c_int32), ("flags", c.c_uint32), ("allocate", c.c_void_p),
                ("release", c.c_void_p), ("allocator_user", c.c_void_p), ("parallel", c.c_void_p),
                ("parallel_user", c.c_void_p), ("on_error", c.c_void_p), ("error_user", c.c_void_p)]


class TensorInfo(c.Structure):
    _fields_ = [("name", c.c_char_p), ("dtype", c.c_int32), ("rank", c.c_int32),
                ("dims", c.POINTER(c.c_int64))]


class VariableInfo(c.Structure):
    _fields_ = [("name", c.c_char_p), ("op", c.c_char_p), ("dtype", c.c_int32), ("rank", c.c_int32),
                ("dims", c.POINTER(c.c_int64)), ("whole", c.c_char_p), ("flags", c.c_uint32),
                ("reserved", c.c_uint32)]


class ExportInfo(c.Structure):
    _fields_ = [("name", c.c_char_p), ("dim_names", c.POINTER(c.c_char_p)),
                ("inputs", c.POINTER(TensorInfo)), ("outputs", c.POINTER(TensorInfo)),
                ("updates", c.POINTER(c.c_int32)), ("dim_count", c.c_int32),
                ("input_count", c.c_int32), ("output_count", c.c_int32),
                ("update_count", c.c_int32), ("flags", c.c_uint32), ("reserved", c.c_uint32)]


class Model(c.Structure):
    pass


# Calls through these release Python's lock (CFUNCTYPE, not PYFUNCTYPE).
Model._fields_ = [
    ("struct_size", c.c_uint64), ("name", c.c_char_p), ("producer", c.c_char_p),
    ("variables", c.POINTER(VariableInfo)), ("exports", c.POINTER(ExportInfo)),
    ("variable_count", c.c_int32), ("export_count", c.c_int32),
    ("create", c.CFUNCTYPE(STATUS, c.POINTER(Config), c.POINTER(c.c_void_p))),
    ("share", c.CFUNCTYPE(STATUS, c.c_void_p, c.POINTER(c.c_void_p))),
    ("destroy", c.CFUNCTYPE(None, c.c_void_p)),
    ("load", c.CFUNCTYPE(STATUS, c.c_void_p, c.c_char_p)),
    ("save", c.CFUNCTYPE(STATUS, c.c_void_p, c.c_char_p)),
    ("call", c.CFUNCTYPE(STATUS, c.c_void_p, c.c_int32, c.POINTER(c.c_int64),
                         c.POINTER(c.c_void_p), c.POINTER(c.c_void_p))),
    ("shapes", c.CFUNCTYPE(STATUS, c.POINTER(Model), c.c_int32, c.POINTER(c.c_int64),
                           c.POINTER(c.c_int64))),
    ("get", c.CFUNCTYPE(STATUS, c.c_void_p, c.c_char_p, c.c_void_p, c.c_size_t)),
    ("set", c.CFUNCTYPE(STATUS, c.c_void_p, c.c_char_p, c.c_void_p, c.c_size_t)),
]
