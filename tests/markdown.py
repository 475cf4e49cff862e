"""Fenced code blocks of Markdown files, for the tests that run them."""

import re
import shlex

FENCE = re.compile(r"^```(\w*)[ \t]*(.*)$")


class Block:
    """A fenced block: its language, the words and NAME=VALUE pairs after it, its text."""

    def __init__(self, language, info, line):
        words = shlex.split(info)
        self.language = language
        self.line = line
        self.flags = {w for w in words if "=" not in w}
        self.values = dict(w.split("=", 1) for w in words if "=" in w)
        self.lines = []

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


def blocks(text):
    """All fenced blocks, in order; an unclosed one is an error."""
    found, current = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if current is None:
            match = FENCE.match(line)
            if match:
                current = Block(match.group(1), match.group(2), number)
        elif line.startswith("```"):
            found.append(current)
            current = None
        else:
            current.lines.append(line)
    if current is not None:
        raise ValueError("the block that begins in line %d is not closed" % current.line)
    return found
