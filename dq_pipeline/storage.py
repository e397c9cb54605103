"""Dataclasses of arrays to bytes and back; nothing that is read can run code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError


def arrays_of(value: Any, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Arrays of a dataclass and of the dataclasses in it, by dotted name."""
    found: dict[str, NDArray[Any]] = {}
    for field in fields(value):
        part = getattr(value, field.name)
        name = f"{prefix}{field.name}"
        found |= arrays_of(part, f"{name}.") if is_dataclass(part) else {name: np.asarray(part)}
    return found


def section(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """The arrays directly under a dotted name, with the name taken off."""
    start = f"{name}."
    inner = {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}
    return {key: value for key, value in inner.items() if "." not in key}


def to_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An npz archive."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def from_npz(data: bytes, expected: str) -> dict[str, NDArray[Any]]:
    """Arrays of an npz archive.

    Raises
    ------
    DataError
        If the bytes are no such archive, or hold objects; `expected` names what they should be.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"Expected {expected} as an npz archive, found {len(data)} bytes that are none: {error}"
        ) from error
