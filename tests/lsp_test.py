#!/usr/bin/env python3
"""A scripted client of `graphc lsp`.

    lsp_test.py --graphc PATH

Opens definitions, asks what an editor asks, and compares the answers; sends what no editor should
send, and expects a refusal. In a text, «x» marks the place that is asked about.
"""

import argparse
import json
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Server:
    def __init__(self, graphc, *arguments):
        self.process = subprocess.Popen([graphc, "lsp", *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.buffer = b""
        self.next = 0
        self.published = {}

    def write(self, body):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def read(self, timeout=60):
        """The next message; None at the end, or when nothing came in time."""
        until = time.monotonic() + timeout
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if found:
                length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
                if len(rest) >= length:
                    self.buffer = rest[length:]
                    return json.loads(rest[:length])
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = self.process.stdout.read(1 << 16)
            if not more:
                return None
            self.buffer += more

    def answer(self):
        """The next answer; what is published on the way is kept."""
        while (message := self.read()) is not None:
            if "id" in message:
                return message
            if message["method"] == "textDocument/publishDiagnostics":
                self.published[message["params"]["uri"]] = message["params"]["diagnostics"]
        return None

    def ask(self, method, **params):
        self.next += 1
        self.write({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params})
        message = self.answer()
        assert message and message["id"] == self.next, message
        return message

    def tell(self, method, **params):
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    def diagnostics(self, uri):
        """What is published next for a text."""
        while (message := self.read()) is not None:
            if message.get("method") == "textDocument/publishDiagnostics":
                self.published[message["params"]["uri"]] = message["params"]["diagnostics"]
                if message["params"]["uri"] == uri:
                    return message["params"]["diagnostics"]
        raise AssertionError("no diagnostics came")

    def start(self):
        self.ask("initialize", processId=None, rootUri=None, capabilities={})
        self.tell("initialized")
        return self

    def stop(self):
        self.ask("shutdown")
        self.tell("exit")
        return self.process.wait(30)


def position(text, offset):
    before = text[:offset]
    line = before.rpartition("\n")[2]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


def slice_of(text, range_):
    lines = text.split("\n")
    start, end = range_["start"], range_["end"]

    def at(place):
        line = lines[place["line"]].encode("utf-16-le")
        return sum(len(x) + 1 for x in lines[:place["line"]]) + len(
            line[:2 * place["character"]].decode("utf-16-le"))

    return text[at(start):at(end)]


MODEL = '''from "layers.graph" import dense
import "layers.graph" as l

param units = 2
"ü𝄞"; x = placeholder(float32, [None, 3], name="x")


def tower(images, width=units):
    """One of two."""
    with variable_scope("tower", reuse=AUTO_REUSE):
        return dense(images, width)


first = tower(x)
second = tower(x, 2)
y = tanh(first + second)
z = l.dense(y, 3)
export predict(x=x) -> (y=z)
'''
LAYERS = '''def dense(x, width):
    """x · kernel."""
    kernel = get_variable("kernel", [x.shape[1], width])
    return matmul(x, kernel)
'''


def worth_a_look(diagnostics):
    return [d for d in diagnostics if d["severity"] < 3]


class Tests:
    def __init__(self, graphc, folder):
        self.graphc = graphc
        self.folder = pathlib.Path(folder).resolve()
        (self.folder / "layers.graph").write_text(LAYERS)
        (self.folder / "model.graph").write_text("")
        self.uri = (self.folder / "model.graph").as_uri()
        self.layers = (self.folder / "layers.graph").as_uri()

    def open(self, text=MODEL):
        server = Server(self.graphc).start()
        server.tell("textDocument/didOpen", textDocument={
            "uri": self.uri, "languageId": "graph", "version": 1, "text": text})
        return server

    def at(self, server, method, marked, text=MODEL, **more):
        """Asks about the place of « in `marked`, a part of the text."""
        offset = text.index(marked.replace("«", "")) + marked.index("«")
        return server.ask("textDocument/" + method, textDocument={"uri": self.uri},
                          position=position(text, offset), **more)

    def test_clean(self):
        server = self.open()
        assert worth_a_look(server.diagnostics(self.uri)) == []
        assert server.stop() == 0

    def test_errors_as_one_types(self):
        server = self.open()
        server.diagnostics(self.uri)
        wrong = MODEL.replace("tanh(first", "tanh(frist")
        server.tell("textDocument/didChange", textDocument={"uri": self.uri, "version": 2},
                    contentChanges=[{"text": wrong}])
        (found,) = worth_a_look(server.diagnostics(self.uri))
        assert found["code"] == "E0101" and "first" in found["message"], found
        assert slice_of(wrong, found["range"]) == "frist"
        server.tell("textDocument/didChange", textDocument={"uri": self.uri, "version": 3},
                    contentChanges=[{"text": MODEL}])
        assert worth_a_look(server.diagnostics(self.uri)) == []

    def test_error_in_an_imported_text(self):
        server = self.open()
        server.diagnostics(self.uri)
        # Open in the editor and not saved: the model is looked at with this text.
        server.tell("textDocument/didOpen", textDocument={
            "uri": self.layers, "languageId": "graph", "version": 1,
            "text": LAYERS.replace('"kernel"', '"ker nel"')})
        found = server.diagnostics(self.uri)
        assert found and found[0]["code"] == "E0207", found

    def test_lint_with_fix(self):
        text = MODEL.replace('import "layers', 'import "layers.graph" as unused\nimport "layers')
        server = self.open(text)
        (found,) = worth_a_look(server.diagnostics(self.uri))
        assert found["code"] == "W0303" and found["severity"] == 2, found
        actions = server.ask("textDocument/codeAction", textDocument={"uri": self.uri},
                             range=found["range"], context={"diagnostics": [found]})["result"]
        titles = [a["title"] for a in actions]
        assert len(actions) == 2 and titles[1] == "Suppress W0303 on this line", titles
        (edit,) = actions[0]["edit"]["changes"][self.uri]
        assert "unused" in slice_of(text, edit["range"]) and edit["newText"] == ""

    def test_hover(self):
        server = self.open()
        value = self.at(server, "hover", "tan«h")["result"]["contents"]["value"]
        assert "tanh(" in value and "`Tanh:0`: float32 (?, 2) (Tanh)" in value, value
        value = self.at(server, "hover", "fir«st + ")["result"]["contents"]["value"]
        assert "made within: 1 operations, 1 variables" in value, value
        value = self.at(server, "hover", "tow«er(x, 2)")["result"]["contents"]["value"]
        assert "def tower(images, width=units):" in value and "One of two." in value, value
        value = self.at(server, "hover", "«x = placeholder")["result"]["contents"]["value"]
        assert "`x:0`: float32 (?, 3)" in value, value
        assert self.at(server, "hover", "param« units")["result"] is None

    def test_definition(self):
        server = self.open()
        place = self.at(server, "definition", "tow«er(x)")["result"]
        assert place["uri"] == self.uri and slice_of(MODEL, place["range"]) == "tower"
        assert place["range"]["start"]["line"] == 7
        place = self.at(server, "definition", "den«se(images")["result"]
        assert place["uri"] == self.layers and slice_of(LAYERS, place["range"]) == "dense"
        place = self.at(server, "definition", 'layers«.graph" as')["result"]
        assert place["uri"] == self.layers and place["range"]["start"]["line"] == 0
        place = self.at(server, "definition", "wid«th)")["result"]
        assert slice_of(MODEL, place["range"]) == "width"

    def test_shared_uses(self):
        text = '''with variable_scope("a"):
    w = get_variable("w", [2])
with variable_scope("a", reuse=True):
    v = get_variable("w", [2])
'''
        server = self.open(text)
        for marked in ('get_«variable("w", [2])\nwith', '«"w", [2])\n'):
            found = self.at(server, "references", marked, text,
                            context={"includeDeclaration": True})["result"]
            assert [p["range"]["start"]["line"] for p in found] == [1, 3], found
        value = self.at(server, "hover", '"w", «[2])\n', text)["result"]["contents"]["value"]
        assert "variable `a/w`: float32 (2,)" in value and "shared at" in value, value

    def test_references(self):
        server = self.open()
        found = self.at(server, "references", "«x = place",
                        context={"includeDeclaration": True})["result"]
        assert len(found) == 4, found
        assert all(slice_of(MODEL, p["range"]) == "x" for p in found)
        found = self.at(server, "documentHighlight", "ima«ges, width=units")["result"]
        assert [h["kind"] for h in found] == [3, 2]

    def test_completion(self):
        text = MODEL.replace("y = tanh(first + second)\nz = l.dense(y, 3)",
                             "y = tanh(fir)\nz = l.de\nc = conv2d(x, pa")
        server = self.open(text)
        labels = [i["label"] for i in self.at(server, "completion", "tanh(fir«)", text)["result"]]
        assert {"first", "tower", "x", "relu", "get_variable", "lambda"} <= set(labels), labels
        assert "images" not in labels and "class" not in labels
        labels = [i["label"] for i in self.at(server, "completion", "l.de«", text)["result"]]
        assert labels == ["dense"], labels
        labels = [i["label"] for i in self.at(server, "completion", "conv2d(x, pa«", text)["result"]]
        assert {"padding=", "strides=", "name="} <= set(labels), labels
        labels = [i["label"] for i in self.at(server, "completion", "dense(images, wi«", text)["result"]]
        assert {"images", "width", "x"} <= set(labels), labels

    def test_rename(self):
        server = self.open()
        range_ = self.at(server, "prepareRename", "fir«st = ")["result"]
        assert range_["placeholder"] == "first"
        edits = self.at(server, "rename", "fir«st = ", newName="left")["result"]["changes"][self.uri]
        assert len(edits) == 2 and all(slice_of(MODEL, e["range"]) == "first" for e in edits)
        edits = self.at(server, "rename", "den«se(im", newName="d")["result"]["changes"][self.uri]
        assert [e["newText"] for e in edits] == ["dense as d", "d"]
        for name in ("second", "for", "1x", ""):
            refused = self.at(server, "rename", "fir«st = ", newName=name)
            assert refused["error"]["code"] == -32803, (name, refused)
        assert self.at(server, "prepareRename", "tan«h")["result"] is None

    def test_formatting(self):
        server = self.open("x=1\n")
        (edit,) = server.ask("textDocument/formatting", textDocument={"uri": self.uri},
                             options={"tabSize": 8, "insertSpaces": True})["result"]
        assert edit["newText"] == "x = 1\n", edit
        server.tell("textDocument/didChange", textDocument={"uri": self.uri, "version": 2},
                    contentChanges=[{"text": "x = (\n"}])
        refused = server.ask("textDocument/formatting", textDocument={"uri": self.uri}, options={})
        assert refused["error"]["code"] == -32803

    def test_symbols(self):
        server = self.open()
        found = server.ask("textDocument/documentSymbol", textDocument={"uri": self.uri})["result"]
        assert [s["name"] for s in found] == [
            "units", "x", "tower", "first", "second", "y", "z", "predict"]

    def test_what_no_editor_sends(self):
        server = Server(self.graphc)
        assert server.ask("textDocument/hover")["error"]["code"] == -32002
        server.start()
        assert server.ask("textDocument/nonsense")["error"]["code"] == -32601
        server.write(b"{ this is no JSON")
        assert server.answer()["error"]["code"] == -32700
        server.write([1])
        assert server.answer()["error"]["code"] == -32600
        server.write({"jsonrpc": "2.0", "id": 1})
        assert server.answer()["error"]["code"] == -32600
        for params in ({}, {"textDocument": 7}, {"textDocument": {"uri": 7}, "position": []},
                       {"textDocument": {"uri": "file:///nowhere"}, "position": {"line": -1}}):
            assert server.ask("textDocument/hover", **params)["result"] is None
        server.tell("textDocument/didChange", textDocument={"uri": "file:///nowhere"})
        server.tell("textDocument/didOpen", textDocument={"uri": "untitled:1", "text": "x"})
        server.tell("textDocument/didOpen", textDocument={"uri": self.uri, "text": "x = \0\n\t("})
        assert server.diagnostics(self.uri)[0]["severity"] == 1
        for line, character in ((0, 0), (9, 9), (0, 4_000_000_000), (4_000_000_000, 0)):
            for method in ("hover", "definition", "completion", "references", "prepareRename"):
                answer = server.ask("textDocument/" + method, textDocument={"uri": self.uri},
                                    position={"line": line, "character": character})
                assert "error" not in answer, answer
        assert server.stop() == 0
        server = Server(self.graphc)
        server.process.stdin.close()
        assert server.process.wait(30) == 1

    def test_every_place_of_a_text_can_be_asked_about(self):
        server = self.open()
        server.diagnostics(self.uri)
        for offset in range(0, len(MODEL), 3):
            for method in ("hover", "definition", "completion", "references"):
                answer = server.ask("textDocument/" + method, textDocument={"uri": self.uri},
                                    position=position(MODEL, offset))
                assert "error" not in answer, (offset, answer)
        assert server.stop() == 0


def grammar_matches():
    """The TextMate grammar and the extension's other files are JSON, and their patterns compile."""
    folder = ROOT / "editors/vscode"
    for path in [*folder.glob("*.json"), *folder.glob("syntaxes/*.json")]:
        json.loads(path.read_text())
    grammar = json.loads((folder / "syntaxes/graph.tmLanguage.json").read_text())

    def patterns(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("match", "begin"):
                    yield value
                else:
                    yield from patterns(value)
        elif isinstance(node, list):
            for value in node:
                yield from patterns(value)

    for pattern in patterns(grammar):
        re.compile(pattern)
    matcher = json.loads((folder / "package.json").read_text())["contributes"]["problemMatchers"][0]
    line = "model.graph:3:10: error[E0201]: Variable V1/a1 already exists"
    found = re.match(matcher["pattern"]["regexp"], line)
    assert found and found.groups() == ("model.graph", "3", "10", "error", "E0201",
                                        "Variable V1/a1 already exists")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphc", required=True)
    options = parser.parse_args()
    passed = failed = 0
    tests = [name for name in dir(Tests) if name.startswith("test_")]
    for name in ["grammar", *tests]:
        try:
            if name == "grammar":
                grammar_matches()
            else:
                with tempfile.TemporaryDirectory(prefix="graphc-lsp-") as folder:
                    getattr(Tests(options.graphc, folder), name)()
            passed += 1
        except (AssertionError, ValueError, TypeError, KeyError) as wrong:
            failed += 1
            print(f"{name}: {wrong!r} at line {wrong.__traceback__.tb_next.tb_lineno}"
                  if wrong.__traceback__.tb_next else f"{name}: {wrong!r}")
    print(f"lsp: {passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
