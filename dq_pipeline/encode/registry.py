"""Encoders by name: those that come along, and those of installed packages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from dq_pipeline.encode.encoder import Encoder

GROUP = "dq_pipeline.encoders"
"""Entry points of this group are encoders: subclasses of :class:`~dq_pipeline.encode.encoder.Encoder`."""

ENCODERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "categories": ("dq_pipeline.encode.categories", "Categories"),
        "log_lines": ("dq_pipeline.encode.log_lines", "LogLines"),
        "image": ("dq_pipeline.encode.image", "Image"),
    }
)
"""The registry: name in a process file -> module and class, imported when a process file names it."""


@cache
def find(name: str) -> type[Encoder]:
    """The encoder of a name; one that comes along is never another package's.

    Raises
    ------
    ValueError
        If there is none, or it is no encoder.
    """
    if name in ENCODERS:
        module, kind = ENCODERS[name]
        found = getattr(import_module(module), kind)
    else:
        installed = {point.name: point for point in entry_points(group=GROUP)}
        if name not in installed:
            raise ValueError(f"one of {', '.join((*ENCODERS, *sorted(installed)))}, or one of an installed package")
        try:
            found = installed[name].load()
        except Exception as error:
            raise ValueError(f"an encoder that can be imported ({type(error).__name__}: {error})") from error
    if not (isinstance(found, type) and issubclass(found, Encoder)):
        raise ValueError(f"an encoder: {found!r} is no subclass of dq_pipeline.encode.Encoder")  # noqa: TRY004 - for pydantic
    return found


def build(name: str, options: Mapping[str, Any]) -> Encoder:
    """The encoder of a name with these options.

    Raises
    ------
    ValueError
        If there is none, or its options are wrong (pydantic's ValidationError).
    """
    return find(name)(**options)
