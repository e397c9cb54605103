"""Which column of a message is which sensor of the process, and what turns its unit into the process file's."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dq_pipeline import units
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns sent and the columns of the grid that they fill.

    Attributes
    ----------
    sent, placed
        Column sent, and its column on the grid, pair by pair.
    unknown
        Names that are no sensor of the process, now or formerly.
    """

    sent: tuple[int, ...]
    placed: tuple[int, ...]
    unknown: tuple[str, ...]


def match(names: tuple[str, ...], process: Process, sample_id: str) -> Columns:
    """Find the sensor of each column; former names count.

    Raises
    ------
    SampleError
        Reason "columns": a sensor twice, or none at all.
    """
    found = _match(names, tuple(process.sensors), tuple(process.aliases.items()))
    if isinstance(found, Columns):
        return found
    expected = f"sensors of {process.name}" if not found[0] else found[0]
    raise SampleError("columns", f"expected {expected}; found {found[1]}", sample_id)


@lru_cache(maxsize=256)
def _match(
    names: tuple[str, ...], sensors: tuple[str, ...], aliases: tuple[tuple[str, str], ...]
) -> Columns | tuple[str, str]:
    """The columns, or what was expected and what was found; the same for every message of a source."""
    place_of, former = {name: j for j, name in enumerate(sensors)}, dict(aliases)
    columns: dict[int, int] = {}
    unknown: list[str] = []
    for i, name in enumerate(names):
        j = place_of.get(former.get(name, name))
        if j is None:
            unknown.append(name)
        elif j in columns.values():
            return f"{sensors[j]} once", f"it twice, once as {name}"
        else:
            columns[i] = j
    if not columns:
        return "", f"only {reprlib.repr(list(names))}"
    return Columns(tuple(columns), tuple(columns.values()), tuple(unknown))


def conversions(
    columns: Columns, names: tuple[str, ...], given: Mapping[str, str], process: Process, sample_id: str
) -> dict[int, tuple[float, float]]:
    """Gain and offset of the columns that came in another unit, by their column on the grid.

    Raises
    ------
    SampleError
        Reason "unit".
    """
    if not given:
        return {}
    wanted = [sensor.unit for sensor in process.sensors.values()]
    return {
        j: conversion(names[i], given[names[i]], wanted[j], sample_id)
        for i, j in zip(columns.sent, columns.placed, strict=True)
        if given.get(names[i], wanted[j]) != wanted[j]
    }


def conversion(name: str, given: str, wanted: str, sample_id: str) -> tuple[float, float]:
    """Gain and offset from one unit to another.

    Raises
    ------
    SampleError
        Reason "unit": they are not of one kind.
    """
    try:
        return units.conversion(given, wanted)
    except (KeyError, ValueError):
        detail = f"expected {name} in {wanted} or a unit of the same kind; found {given!r}"
        raise SampleError("unit", detail, sample_id) from None
