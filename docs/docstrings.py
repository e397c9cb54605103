"""Docstrings as Markdown: what reStructuredText says in a word, the reference says as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Docstring, Extension, Object

ROLE = re.compile(r":\w+:`~?\.?([^`<]+)`")
LITERAL = re.compile(r"(?<=\S)::$", re.MULTILINE)
DOUBLE = re.compile(r"(?<!`)``([^`\n]+)``(?!`)")


class Markdown(Extension):
    """Turns the roles and literal blocks of every docstring into Markdown, before it is parsed."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Called for every module, class, function and attribute that was read."""
        if obj.docstring is not None:
            obj.docstring = Docstring(
                markdown(obj.docstring.value),
                lineno=obj.docstring.lineno,
                endlineno=obj.docstring.endlineno,
                parent=obj,
                parser=obj.docstring.parser,
                parser_options=obj.docstring.parser_options,
            )


def markdown(text: str) -> str:
    """One docstring.

    Examples
    --------
    >>> markdown("See :meth:`~Ledger.migrate`, as ``None``::")
    'See `Ledger.migrate`, as `None`:'
    """
    text = ROLE.sub(r"`\1`", text)
    text = LITERAL.sub(":", text)
    return DOUBLE.sub(r"`\1`", text)
