"""What a tutorial's reader does: the commands, files and edits that its page marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "tutorials"
MARKED = re.compile(r"^<!-- (runs|file|edit)(?:: ([\w./-]+))? -->\n```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FENCED = re.compile(r"^```console$", re.MULTILINE)


def steps(page: str) -> Iterator[tuple[str, str]]:
    """What a page asks for, in its order: ("run", command), ("file: name", text), ("edit: name", lines)."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    for kind, name, _, body in MARKED.findall(text):
        if kind == "runs":
            yield from (("run", line.removeprefix("$ ")) for line in body.splitlines())
        else:
            yield f"{kind}: {name}", body


def unmarked(page: str) -> int:
    """How many of a page's blocks of commands are not run."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    return len(FENCED.findall(text)) - sum(kind == "runs" for kind, *_ in MARKED.findall(text))


def edited(text: str, lines: str) -> str:
    """A process file in which each of some lines has taken the place of the one with its key, a comment or not."""
    for line in lines.splitlines():
        key = re.escape(line.split(":")[0].strip())
        text, count = re.subn(rf"^\s*(?:# )?{key}:.*$", lambda _, line=line: line, text, flags=re.MULTILINE)
        assert count == 1, f"{line!r}: expected one line with its key; found {count}"
    return text
