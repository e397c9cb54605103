"""Categorical sensors in what is said of a drift: by their own name and the categories that moved, not by columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from dq_pipeline.drift.mixes import MixDrift, mix_drift, rows_by_category
from dq_pipeline.encode import Categorical
from dq_pipeline.profile.bins import Reference

OTHER_VALUES = "other values"
"""Those that the process file does not list."""


def mixes(
    categorical: Mapping[str, Categorical], bins: Reference, usual: NDArray[Any], now: NDArray[Any]
) -> tuple[MixDrift, ...]:
    """Chi-squared of every categorical sensor of a process.

    Parameters
    ----------
    categorical
        Its columns by category, see `Process.categories`.
    bins
        Of both histograms.
    usual, now : (m, f, 33), (n, f, 33)
        Cells per bin over each recording of the reference, or one sum of them, and of the recordings at hand.
    """
    found = []
    for name, one in categorical.items():
        columns = [bins.sensors.index(column) for column in one.sensors]
        sides = (rows_by_category(side, bins, columns) for side in (usual, now))
        found.append(mix_drift(name, (*one.columns, OTHER_VALUES), *sides))
    return tuple(found)


def named(
    sensors: Sequence[str], categorical: Mapping[str, Categorical], moved: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Sensors for people, in their order: the columns of a categorical sensor once, under its name.

    Parameters
    ----------
    moved
        What is said of a categorical sensor instead of naming its columns, see `MixDrift.told`.

    Examples
    --------
    >>> valve = {"valve": Categorical({"shut": "valve_shut", "open": "valve_open"}, "valve_other")}
    >>> named(("valve_open", "flow", "valve_other"), valve)
    ('valve: open, other values', 'flow')
    """
    category = {
        column: (name, told)
        for name, one in categorical.items()
        for told, column in zip((*one.columns, OTHER_VALUES), one.sensors, strict=True)
    }
    shown: dict[str, list[str]] = {}
    for sensor in sensors:
        name, told = category.get(sensor, (sensor, ""))
        shown.setdefault(name, []).append(told)
    said = {name: f"{name}: {', '.join(told)}" if any(told) else name for name, told in shown.items()}
    return tuple((moved or {}).get(name, text) for name, text in said.items())
