"""Sensors for the columns of readings: names a process file takes, units that names tell, ranges with room to spare."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dq_pipeline.propose.overview import Column
from dq_pipeline.units import UNITS

_ROOM = 0.5
_BELOW_ZERO = 0.05
_NAMED_UNIT = re.compile(r"^(?P<name>.*?)[\s_]*[\[(](?P<unit>[^\[\]()]+(?:\([^()]*\))?)[\])]\s*$")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class ProposedSensor:
    """One entry of `sensors`.

    Attributes
    ----------
    unit
        None where nothing tells it.
    seen
        0.1 %, 50 % and 99.9 % of the readings.
    beyond
        The lowest and the highest reading, where they lie outside the range.
    """

    name: str
    column: str
    unit: str | None
    range: tuple[float, float]
    seen: tuple[float, float, float]
    beyond: tuple[float, ...] = ()


def propose_sensors(columns: Iterable[Column], taken: Collection[str]) -> list[ProposedSensor]:
    """One sensor for each column.

    Parameters
    ----------
    taken
        Names of all the table's columns: a name that had to be changed must not be another's.
    """
    found: list[ProposedSensor] = []
    for column in columns:
        name, unit = split_unit(column.name)
        name = free_name(identifier(name), column.name, {*taken, *(sensor.name for sensor in found)})
        low, high = range_of(column)
        beyond = tuple(end for end in (column.lowest, column.highest) if not low <= end <= high)
        found.append(ProposedSensor(name, column.name, unit, (low, high), column.quantiles, beyond))
    return found


def split_unit(column: str) -> tuple[str, str | None]:
    """A column's name, and the unit it carries, if a process file knows it.

    Examples
    --------
    >>> split_unit("Pressure [bar]"), split_unit("flow (l/min)"), split_unit("valve (left)")
    (('Pressure', 'bar'), ('flow', 'l/min'), ('valve (left)', None))
    """
    named = _NAMED_UNIT.match(column)
    if named is None or named["unit"].strip() not in UNITS or not named["name"]:
        return column, None
    return named["name"], named["unit"].strip()


def identifier(text: str) -> str:
    """Letters, digits and _ of a text.

    Examples
    --------
    >>> identifier("Volume Flow RateRMS"), identifier("4th stage"), identifier("°")
    ('Volume_Flow_RateRMS', 'c_4th_stage', 'c')
    """
    kept = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:_LONGEST]
    return kept if re.match(r"[A-Za-z]", kept) else f"c_{kept}".rstrip("_")


def free_name(wanted: str, column: str, taken: Collection[str]) -> str:
    """The wanted name, numbered if another column has it."""
    name, number = wanted, 1
    while name != column and name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def range_of(column: Column) -> tuple[float, float]:
    """What a sensor may show: 0.1 to 99.9 % of the readings and half of that span more on both sides.

    A sensor that never went below zero gets a twentieth of the span below it. Both ends are rounded outwards.

    Examples
    --------
    >>> import numpy as np
    >>> range_of(Column("p", "number", np.empty(0), lowest=0.0, highest=500.0, quantiles=(0.0, 80.0, 190.0)))
    (-10.0, 290.0)
    """
    low, _, high = column.quantiles
    span = high - low
    if not span > 0:  # a few readings alone differ
        low, high = column.lowest, column.highest
        span = high - low
    lower = low - _ROOM * span
    if column.lowest >= 0:
        lower = max(lower, -_BELOW_ZERO * span)
    unit = 10.0 ** math.floor(math.log10(span) - 1)
    lower, upper = math.floor(lower / unit) * unit, math.ceil((high + _ROOM * span) / unit) * unit
    return float(f"{lower:.12g}"), float(f"{upper:.12g}")
