#!/usr/bin/env python3
"""Compares what graphc and Python make of the same random programs.

    differential_python.py --graphc PATH [--seed N] [--batches N] [--statements N] [--show]

The programs use what the two languages share: numbers, texts, lists, tuples,
dicts, formatting, slices, comprehensions, functions. A batch is one file; each
of its statements prints, or fails. What Python prints graphc must print, and
where Python raises graphc must report an error of a fitting code within the
statement. Where a number leaves 64 bits graphc must say so (E0108), which
Python is made to do here as well.
"""

import argparse
import ast
import contextlib
import io
import json
import operator
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

CODES = [  # the first that fits
    (ZeroDivisionError, {"E0108"}),
    (OverflowError, {"E0108"}),
    ((IndexError, KeyError), {"E0107"}),
    (RecursionError, {"E0106"}),
    (TypeError, {"E0103", "E0104"}),
    (ValueError, {"E0103", "E0104", "E0107", "E0303"}),
    (AttributeError, {"E0101"}),
    (AssertionError, {"E0105"}),
]


def checked(value):
    """What is no 64-bit integer, or no real number, is an error here as there."""
    if isinstance(value, complex):
        raise OverflowError("complex")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise OverflowError("64 bits")
    return value


class TooLong(Exception):
    """A list or text that no program means; graphc ends there (E0007)."""


def multiply(a, b):
    for items, times in ((a, b), (b, a)):
        if hasattr(items, "__len__") and isinstance(times, int) and len(items) * times > 100000:
            raise TooLong
    return a * b


class Checker(ast.NodeTransformer):
    """Wraps operators and calls in checked()."""

    def wrap(self, node):
        self.generic_visit(node)
        call = ast.Call(ast.Name("checked", ast.Load()), [node], [])
        return ast.copy_location(call, node)

    visit_UnaryOp = wrap

    def visit_BinOp(self, node):
        made = self.wrap(node)
        if isinstance(node.op, ast.Mult):
            made.args = [ast.Call(ast.Name("multiply", ast.Load()), [node.left, node.right], [])]
        return made

    def visit_Call(self, node):
        return self.wrap(node)

    def visit_JoinedStr(self, node):
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                value.value = self.visit(value.value)
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        load = ast.Name(node.target.id, ast.Load())
        call = ast.Call(ast.Name("add" if isinstance(node.op, ast.Add) else "subtract", ast.Load()),
                        [load, node.value], [])
        value = ast.Call(ast.Name("checked", ast.Load()), [call], [])
        return ast.copy_location(ast.Assign([node.target], value), node)


def checkedSum(items, start=0):
    for item in items:
        start = checked(start + item)
    return start


def asList(function):
    return lambda *args: list(function(*args))


class Generator:
    INTS = [0, 1, 2, 3, 4, 5, 7, 10, 16, 100, 255, 1000, 65536, 2147483647, 4611686018427387904,
            9223372036854775807]
    FLOATS = ["0.0", "0.5", "1.0", "1.5", "2.5", "3.14159", "0.1", "1e10", "1e16", "1e-5", "1e100",
              "1e-300", "123456.789", "0.0001", "2.675", "1e22", "100.0", "7e-05"]
    TEXTS = ["", "a", "abc", "Hello World", " pad ", "x,y,,z", "conv1/weights", "100%", "q'q", 'd"d',
             "tab\\tend", "two\\nlines", "é", "naïve €", "_7", "aXbXc", "42", "-3", "2.5", "{}"]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = {}  # what a nested expression may use, by type

    def pick(self, items):
        return self.random.choice(list(items))

    def chance(self, share):
        return self.random.random() < share

    def wrapped(self, text):
        return "(%s)" % text if self.chance(0.6) else text

    def any(self, depth):
        return getattr(self, self.pick(["int", "float", "text", "bool", "list", "tuple", "dict",
                                        "int", "text"]))(depth)

    def mistaken(self, kind, depth):
        """Now and then something of another type."""
        return self.any(depth - 1) if self.chance(0.04) else getattr(self, kind)(depth - 1)

    def name(self, kind):
        names = self.names.get(kind)
        return self.pick(names) if names and self.chance(0.6) else None

    def small(self, depth):
        return self.pick(["0", "1", "2", "3", "-1", "-2", "5"]) if self.chance(0.8) else \
            "((%s) %% 4)" % self.int(depth - 1)

    def int(self, depth):
        if self.name("int") and self.chance(0.5):
            return self.pick(self.names["int"])
        if depth <= 0 or self.chance(0.15):
            value = str(self.pick(self.INTS[:9] if self.chance(0.85) else self.INTS))
            return value if self.chance(0.8) else "-" + value
        choice = self.random.randrange(15)
        if choice < 6:
            return self.wrapped("%s %s %s" % (self.mistaken("int", depth), self.pick("+-*+-"),
                                              self.mistaken("int", depth)))
        if choice == 6:
            return self.wrapped("%s %s %s" % (self.int(depth - 1), self.pick(["//", "%"]),
                                              self.int(depth - 1)))
        if choice == 7:
            return self.wrapped("%s ** %s" % (self.int(depth - 1), self.pick("0123")))
        if choice == 8:
            return "len(%s)" % self.mistaken(self.pick(["text", "list", "tuple", "dict"]), depth)
        if choice == 9:
            return "%s(%s)" % (self.pick(["int", "abs", "round"]),
                               self.mistaken(self.pick(["int", "float", "bool"]), depth))
        if choice == 10:
            return "%s(%s)" % (self.pick(["sum", "min", "max", "len"]), self.ints(depth - 1))
        if choice == 11:
            return "%s[%s]" % (self.ints(depth - 1), self.small(depth))
        if choice == 12:
            return self.pick(["-%s", "+%s", "(-%s)"]) % self.int(depth - 1)
        if choice == 13:
            return "(%s if %s else %s)" % (self.int(depth - 1), self.bool(depth - 1),
                                           self.int(depth - 1))
        return self.pick(["%s.count(%s)", "%s.index(%s)"]) % (self.ints(depth - 1),
                                                              self.int(depth - 1))

    def float(self, depth):
        if depth <= 0 or self.chance(0.2):
            return self.name("float") or self.pick(self.FLOATS)
        choice = self.random.randrange(8)
        if choice < 3:
            return self.wrapped("%s %s %s" % (self.mistaken("float", depth), self.pick("+-*/"),
                                              self.mistaken(self.pick(["float", "int"]), depth)))
        if choice == 3:
            return self.wrapped("%s / %s" % (self.int(depth - 1), self.int(depth - 1)))
        if choice == 4:
            return "round(%s, %s)" % (self.float(depth - 1), self.pick("0123"))
        if choice == 5:
            return self.wrapped("%s %s %s" % (self.float(depth - 1), self.pick(["//", "%"]),
                                              self.float(depth - 1)))
        if choice == 6:
            return "float(%s)" % self.mistaken("int", depth)
        return self.pick(["-%s", "abs(%s)"]) % self.float(depth - 1)

    def literal(self):
        text = self.pick(self.TEXTS)
        quote = "'" if '"' in text else '"'
        if self.chance(0.2) and "'" not in text:
            quote = "'"
        return quote + text + quote

    def text(self, depth):
        if depth <= 0 or self.chance(0.2):
            return self.name("text") or self.literal()
        choice = self.random.randrange(13)
        inner = depth - 1
        if choice < 2:
            return self.wrapped("%s + %s" % (self.mistaken("text", depth),
                                             self.mistaken("text", depth)))
        if choice == 2:
            return "(%s) * (%s)" % (self.text(inner), self.small(inner))
        if choice == 3:
            return "(%s)[%s]" % (self.text(inner), self.slice(inner))
        if choice == 4:
            # Letters beyond ASCII keep their case under graphc.
            text = "".join(c for c in self.text(inner) if c.isascii())
            return "(%s).%s()" % (text, self.pick(["lower", "upper", "strip"]))
        if choice == 5:
            return "(%s).replace(%s, %s)" % (self.text(inner), self.literal(), self.literal())
        if choice == 6:
            return "str(%s)" % self.any(inner)
        if choice == 7:
            return "%s.join(%s)" % (self.literal(), self.mistaken("texts", depth))
        if choice == 8:
            return self.percent(inner)
        if choice == 9:
            return self.fstring(inner)
        if choice == 10:
            return self.format(inner)
        if choice == 11:
            return "(%s).strip(%s)" % (self.text(inner), self.literal())
        return "(%s)[%s]" % (self.text(inner), self.small(inner))

    def slice(self, depth):
        part = lambda: self.small(depth) if self.chance(0.6) else ""
        made = part() + ":" + part()
        if self.chance(0.4):
            made += ":" + self.pick(["", "1", "2", "-1", "-2", "3"])
        return made

    def percent(self, depth):
        parts, values = [], []
        for _ in range(self.random.randint(1, 3)):
            kind = self.pick("dsrfgexds%")
            if kind == "%":
                parts.append("%%")
                continue
            flags = self.pick(["", "", "-", "0", "+", " ", "-", "#" if kind == "x" else ""])
            width = self.pick(["", "", "3", "8", "12"])
            precision = "." + self.pick("0123") if kind in "fges" and self.chance(0.5) else ""
            parts.append("%" + flags + width + precision + kind)
            values.append({"d": self.int, "x": self.int, "s": self.any, "r": self.any}.get(
                kind, self.float)(depth) if self.chance(0.95) else self.any(depth))
        if self.chance(0.04):
            values.append("1")
        text = '"' + self.pick(["|", " ", "/"]).join(parts) + '"'
        if self.chance(0.3) and values:  # by name
            text = '"' + " ".join(p if p == "%%" else p.replace("%", "%%(k%d)" % i, 1)
                                  for i, p in enumerate(q for q in parts if q != "%%")) + '"'
            return "%s %% {%s}" % (text, ", ".join('"k%d": %s' % (i, v)
                                                   for i, v in enumerate(values)))
        return "%s %% (%s,)" % (text, ", ".join(values)) if values else "%s %% ()" % text

    def specification(self, kind):
        fill = self.pick(["", "", "", "*<", ">", "^", "_^", "<"])
        if kind in "sl":
            return fill + self.pick(["", "3", "10"]) + self.pick(["", "", ".2"]) + \
                self.pick(["", "s"] if kind == "s" else [""])
        sign = self.pick(["", "", "+", " ", "-"])
        zero = self.pick(["", "", "0"]) if not fill else self.pick(["", "="])[:0]
        width = self.pick(["", "6", "12"])
        comma = self.pick(["", "", ",", "_"])
        if kind == "i":
            form = self.pick(["", "d", "x", "b", "o", "e", "f", "X", "n"[:0], "%"])
            if form in ("x", "b", "o", "X"):
                comma = ""
            return fill + sign + zero + width + comma + form
        return fill + sign + zero + width + comma + self.pick(["", ".0", ".2", ".5"]) + \
            self.pick(["", "f", "e", "g", "%", "E", "G", "F"])

    def field(self, depth):
        kind = self.pick("iifsl")
        value = {"i": self.int, "f": self.float, "s": self.text, "l": self.list}[kind](depth)
        if kind == "l":
            return value, self.pick(["", "!r", "!s"]), ""
        if kind == "s" and self.chance(0.3):
            return value, "!r", self.specification("s")
        return value, "", self.specification(kind) if self.chance(0.7) else ""

    def fstring(self, depth):
        made = ""
        for _ in range(self.random.randint(1, 3)):
            value, conversion, spec = self.field(0)
            if '"' in value or "\\" in value or "{" in value:
                made += "-"
                continue
            if "'" in value and self.chance(0.5):
                continue
            made += self.pick(["", "{{", "}}", " a "]) + "{" + value + conversion + \
                (":" + spec if spec else "") + "}"
        return 'f"' + made + '"'

    def format(self, depth):
        fields = [self.field(depth) for _ in range(self.random.randint(1, 3))]
        named = self.random.randrange(3)
        text = ""
        for i, (_, conversion, spec) in enumerate(fields):
            where = ["", str(len(fields) - 1 - i), "k%d" % i][named]
            # Counted from the end, the specification meets another value: may be an error.
            text += "{%s%s%s}" % (where, conversion, ":" + spec if spec else "") + \
                self.pick([" ", "", "{{", "}}"])
        values = [("k%d=" % i if named == 2 else "") + v for i, (v, _, _) in enumerate(fields)]
        if self.chance(0.04):
            values.pop()
        return '"%s".format(%s)' % (text, ", ".join(values))

    def bool(self, depth):
        if depth <= 0 or self.chance(0.1):
            return self.pick(["True", "False"])
        choice = self.random.randrange(9)
        kind = self.pick(["int", "float", "text", "list", "tuple"])
        inner = depth - 1
        if choice < 2:
            return self.wrapped("%s %s %s" % (self.mistaken(kind, inner),
                                              self.pick(["<", "<=", "==", "!=", ">", ">="]),
                                              self.mistaken(kind, inner)))
        if choice == 2:
            return self.wrapped("%s < %s <= %s" % (self.int(inner), self.int(inner),
                                                   self.int(inner)))
        if choice == 3:
            return self.wrapped("%s %s %s" % (self.bool(inner), self.pick(["and", "or"]),
                                              self.bool(inner)))
        if choice == 4:
            return self.wrapped("not " + self.any(inner))
        if choice == 5:
            return self.wrapped("%s %s %s" % (self.int(inner), self.pick(["in", "not in"]),
                                              self.ints(inner)))
        if choice == 6:
            return self.wrapped("%s in %s" % (self.mistaken("text", inner), self.text(inner)))
        if choice == 7:
            return "bool(%s)" % self.any(inner)
        return "(%s).%s(%s)" % (self.text(inner), self.pick(["startswith", "endswith"]),
                                self.literal())

    def ints(self, depth):
        if depth <= 0 or self.chance(0.2):
            return self.name("ints") or "[%s]" % ", ".join(
                self.int(0) for _ in range(self.random.randint(0, 4)))
        choice = self.random.randrange(9)
        inner = depth - 1
        if choice == 0:
            return "list(range(%s))" % ", ".join(self.pick(["0", "1", "5", "7", "-3"])
                                                 for _ in range(self.random.randint(1, 2)))
        if choice == 1:
            return "(%s + %s)" % (self.ints(inner), self.ints(inner))
        if choice == 2:
            return "(%s)[%s]" % (self.ints(inner), self.slice(inner))
        if choice == 3:
            return "sorted(%s%s)" % (self.ints(inner), self.pick(
                ["", ", reverse=True", ", key=lambda v: -v", ", key=lambda v: v % 3"]))
        if choice == 4:
            return "list(reversed(%s))" % self.ints(inner)
        if choice == 5:
            return "%s * %s" % (self.ints(0), self.small(0))
        if choice == 6:
            known = self.names
            source = self.ints(inner)
            self.names = dict(known, int=known.get("int", []) + ["i"])
            made = "[%s for i in %s%s]" % (self.int(inner), source,
                                           " if " + self.bool(inner) if self.chance(0.5) else "")
            self.names = known
            return made
        if choice == 7:
            return "[i * j for i in %s for j in %s if i < j]" % (self.ints(0), self.ints(0))
        return "[%s]" % ", ".join(self.int(inner) for _ in range(self.random.randint(0, 4)))

    def texts(self, depth):
        if self.chance(0.3):
            return "(%s).split(%s)" % (self.text(depth - 1), self.pick(["", '"/"', '","', '"X"']))
        return "[%s]" % ", ".join(self.text(depth - 1) for _ in range(self.random.randint(0, 3)))

    def list(self, depth):
        choice = self.random.randrange(6)
        if choice < 2 or depth <= 0:
            return self.ints(depth)
        if choice == 2:
            return self.texts(depth)
        if choice == 3:
            return "list(zip(%s, %s))" % (self.list(depth - 1), self.list(depth - 1))
        if choice == 4:
            return "list(enumerate(%s))" % self.mistaken("list", depth)
        return "[%s]" % ", ".join(self.any(depth - 1) for _ in range(self.random.randint(0, 3)))

    def tuple(self, depth):
        if self.chance(0.2):
            return "tuple(%s)" % self.mistaken("list", depth)
        items = [self.any(depth - 1) for _ in range(self.random.randint(0, 3))]
        return "(%s%s)" % (", ".join(items), "," if len(items) == 1 else "")

    def dict(self, depth):
        entries = ["%s: %s" % (self.literal() if self.chance(0.7) else self.int(0),
                               self.any(depth - 1)) for _ in range(self.random.randint(0, 3))]
        made = "{%s}" % ", ".join(entries)
        if self.chance(0.1):
            return "dict(%s, k=%s)" % (made, self.int(0))
        if self.chance(0.1):
            return "dict(%s)" % self.list(0) if self.chance(0.2) else \
                'dict([("a", %s), ("b", 2), ("a", %s)])' % (self.int(0), self.int(0))
        return made

    def shown(self, depth):
        choice = self.random.randrange(14)
        if choice == 0:
            return "%s.%s" % (self.dict(depth), self.pick(
                ["get('a')", "get('k', 5)", "get(1, 'none')"]))
        if choice == 1:
            return "list((%s).%s())" % (self.dict(depth), self.pick(["keys", "values", "items"]))
        if choice == 2:
            return "(%s)[%s]" % (self.dict(depth), self.pick(['"a"', '"abc"', "1"]))
        if choice == 3:
            return "(%s)[%s]" % (self.any(depth), self.small(depth))
        return self.any(depth)

    def statement(self, number):
        """Lines that print, or fail."""
        f = "f%d" % number  # no name is defined twice
        choice = self.random.randrange(14)
        self.names = {}
        if choice < 8:
            return ["print(%s)" % ", ".join(self.shown(3) for _ in range(
                self.random.randint(1, 2)))]
        if choice == 8:  # parameters of all kinds
            self.names = {"int": ["a", "b"]}
            body = self.int(2)
            self.names = {}
            given = self.pick(["%s", "%s, %s", "b=%s, a=%s", "%s, b=%s", "%s, %s, %s", "%s, k=%s",
                               "*[%s, %s]", "**{'a': %s}", "b=%s", "a=%s, **{'b': %s}"])
            given %= tuple(self.int(1) for _ in range(given.count("%s")))
            rest = self.pick(["", ", *rest", ", **others", ", *rest, **others"])
            shown = ["a", "b", body] + [n for n in ("rest", "others") if n in rest]
            return ["def %s(a, b=%s%s):" % (f, self.int(1), rest), "    return [%s]" % ", ".join(shown),
                    "print(%s(%s))" % (f, given)]
        if choice == 9:  # loops
            self.names = {"int": ["i", "n"]}
            return ["n = 0", "for i in %s:" % self.pick(["range(6)", "[3, 1, 2]", "(5, 4, 5)"]),
                    "    if %s:" % self.bool(2), "        " + self.pick(["break", "continue",
                                                                        "n += 100"]),
                    "    %s" % self.pick(["n += i", "n = %s" % self.wrapped("n * i + 1"),
                                          "n -= 1"]), "print(n, i)"]
        if choice == 10:  # closures
            self.names = {"int": ["k", "v"]}
            body = self.int(2)
            self.names = {}
            return ["def %s(k):" % f, "    def inner(v, s=k + 1):", "        return (%s, s)" % body,
                    "    return inner", "g = %s(%s)" % (f, self.int(1)),
                    "print(g(%s), %s(2)(3, 4))" % (self.pick("0123"), f)]
        if choice == 11:  # unpacking
            return self.pick([
                ["a, b = %s" % self.ints(1), "print(b, a)"],
                ["a, *b = %s" % self.list(2), "print(a, b)"],
                ["(a, b), c = (%s, %s), %s" % (self.int(1), self.int(1), self.any(1)),
                 "a, b = b, a", "print(a, b, c)"],
                ["for k, v in {%s: 1, 'z': 2}.items():" % self.literal(), "    print(k, v)"],
                ["for i, (a, b) in enumerate(zip(%s, %s)):" % (self.list(1), self.list(1)),
                 "    print(i, a, b)"]])
        if choice == 12:  # lists that change
            return ["l = %s" % self.ints(2), "m = l",
                    self.pick(["l.append(%s)", "l.insert(%s, 9)", "l += [%s]", "l[%s] = 7",
                               "l.extend([%s])", "l.pop(%s)"]) % self.small(1),
                    "print(l, m, l is m, l == m)"]
        return ["d = %s" % self.dict(2), "d[%s] = %s" % (self.literal(), self.any(1)),
                "d.update({'u': %s})" % self.any(1), "print(d, len(d), %s in d)" % self.literal(),
                "print([(k, d[k]) for k in d])"]


def runPython(source):
    """What a statement prints, and the exception that ends it."""
    names = {"checked": checked, "multiply": multiply, "add": operator.iadd,
             "subtract": operator.isub, "sum": checkedSum, "range": asList(range)}
    tree = ast.fix_missing_locations(Checker().visit(ast.parse(source)))
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, "<statement>", "exec"), names)
    except Exception as error:  # any: it is what is compared
        return printed.getvalue(), error
    return printed.getvalue(), None


def runGraphc(graphc, text):
    with tempfile.TemporaryDirectory(prefix="graphc-differential-") as folder:
        path = pathlib.Path(folder, "batch.graph")
        path.write_text(text)
        done = subprocess.run([graphc, "check", "--diagnostics=json", str(path)],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if done.returncode not in (0, 1):
        raise SystemExit("exit status %d: %s" % (done.returncode, done.stderr[-500:]))
    errors = done.stderr.decode().strip().split("\n")[-1]
    return done.stdout.decode(), json.loads(errors)["diagnostics"] if errors else []


def fits(error, code):
    return any(isinstance(error, kind) and code in codes for kind, codes in CODES)


def runBatch(graphc, seed, count):
    """[a sentence for each difference]"""
    generator = Generator(seed)
    statements, results = [], []
    while len(statements) < count:
        source = "\n".join(generator.statement(len(statements)))
        with contextlib.suppress(SyntaxError), warnings.catch_warnings():
            warnings.simplefilter("error")  # as in `1if`, or `2[0]`
            compile(source, "<statement>", "exec")
            result = runPython(source)
            if not isinstance(result[1], TooLong):
                statements.append(source)
                results.append(result)
    while True:
        lines, ends = [], []
        for number, source in enumerate(statements):
            lines += ['print("@%d")' % number, *source.split("\n")]
            ends.append(len(lines))
        printed, diagnostics = runGraphc(graphc, "\n".join(lines) + "\n")
        # Where Python stops at an error graphc goes on, and may meet what is too long for it.
        passed = [d["line"] for d in diagnostics if d["code"] == "E0007"]
        if not passed:
            break
        number = next(n for n, end in enumerate(ends) if passed[0] <= end)
        del statements[number], results[number]
    got = dict.fromkeys(range(len(statements)), "")
    at = None
    for line in printed.split("\n")[:-1]:
        if line.startswith("@") and line[1:].isdigit():
            at = int(line[1:])
        else:
            got[at] += line + "\n"
    wrong = []
    for number, source in enumerate(statements):
        wanted, error = results[number]
        begin = ends[number - 1] if number else 0
        found = [d for d in diagnostics if begin < d["line"] <= ends[number]]
        shown = "; ".join("%s %s" % (d["code"], d["message"]) for d in found) or "no error"
        if error is not None:
            if not any(fits(error, d["code"]) for d in found):  # graphc goes on after the first
                wrong.append("%s\n  Python: %s: %s\n  graphc: %s %r" % (
                    source, type(error).__name__, error, shown, got[number]))
        elif found:
            wrong.append("%s\n  Python: %r\n  graphc: %s" % (source, wanted, shown))
        elif got[number] != wanted:
            wrong.append("%s\n  Python: %r\n  graphc: %r" % (source, wanted, got[number]))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphc", required=True, help="the compiler to test")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--statements", type=int, default=300, help="of one batch")
    parser.add_argument("--most", type=int, default=20, help="differences shown")
    options = parser.parse_args()
    wrong = []
    for seed in range(options.seed, options.seed + options.batches):
        wrong += ["seed %d: %s" % (seed, problem)
                  for problem in runBatch(options.graphc, seed, options.statements)]
    for problem in wrong[:options.most]:
        print("FAIL " + problem)
    total = options.batches * options.statements
    print("differential: %d passed, %d failed" % (total - len(wrong), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
