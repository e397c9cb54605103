"""What a log line is about: process, micro-batch and release, said once where it is known, on each line after."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

from dq_pipeline.errors import ConfigurationError

NAMES = ("dq_process", "dq_batch", "dq_release")
"""What is noted; prefixed, for `process` is a number in every log record of Python's."""
FORMAT = "DQ_LOG_FORMAT"
"""The variable that chooses how the commands log: `text` or `json`."""

_about: ContextVar[Mapping[str, str]] = ContextVar("dq_about", default=MappingProxyType({}))
_listeners: list[Callable[..., object]] = []


def current() -> Mapping[str, str]:
    """What lines of this context are about."""
    return _about.get()


def note(**names: str) -> None:
    """Say what the lines from here on are about, on top of what was said; until the surrounding :func:`about` ends."""
    _about.set({**_about.get(), **names})
    for listener in _listeners:
        listener(**names)


@contextmanager
def about(**names: str) -> Iterator[None]:
    """The same for a block; what was noted inside is forgotten after it.

    Examples
    --------
    >>> with about(dq_process="pump"):
    ...     note(dq_batch="b7")
    ...     dict(current())
    {'dq_process': 'pump', 'dq_batch': 'b7'}
    >>> dict(current())
    {}
    """
    token = _about.set(_about.get())
    try:
        note(**names)
        yield
    finally:
        _about.reset(token)


def heard_by(listener: Callable[..., object]) -> None:
    """Tell another logging library, in its own words, whatever is noted; once, however often it asks."""
    if listener not in _listeners:
        _listeners.append(listener)


class JsonLines(logging.Formatter):
    """One JSON object a line: `at` (UTC), `level`, `logger`, `message`, what the line is about, and `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Never more than one line, whatever a message holds."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **current(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(level: int, chosen: str) -> None:
    """Log to standard error from `level` on, as text or as JSON lines.

    Raises
    ------
    ConfigurationError
        Another format is chosen.
    """
    if chosen not in ("", "text", "json"):
        raise ConfigurationError(f"{FORMAT}: expected text or json; found {chosen!r}")
    logging.basicConfig(level=level)
    if chosen == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())
