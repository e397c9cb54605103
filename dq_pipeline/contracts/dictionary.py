"""Is what is sent still what was learned from: columns, units, and the keys and values of the metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 50
"""A key with more values than that is no word of a dictionary, but an id or a number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One difference: of what (`column=x`, `unit=x`, `metadata=x`), in how many samples, and what follows.

    `breach`: readings are gone. `watch`: a word that was never seen.
    """

    name: str
    verdict: Literal["breach", "watch"]
    samples: int
    why: str


def columns(missing: NDArray[np.float64], before: NDArray[np.float64] | None, sensors: tuple[str, ...]) -> list[Entry]:
    """Sensors that say nothing at all in most samples, where in training they did say something.

    Parameters
    ----------
    missing : (n, f)
        Share of the readings that did not come; rows with NaN are left out.
    before : (m, f)
        The same of the training period; None where it is not known.
    """
    missing = missing[np.isfinite(missing).all(axis=1)]
    if not len(missing):
        return []
    silent = (missing >= 1.0).mean(axis=0)
    usual = np.zeros(len(sensors)) if before is None or not len(before) else (before >= 1.0).mean(axis=0)
    return [
        Entry(
            f"column={name}",
            "breach",
            int((missing[:, j] >= 1.0).sum()),
            f"{name} says nothing in {silent[j]:.0%} of the samples, {usual[j]:.0%} of those learned from",
        )
        for j, name in enumerate(sensors)
        if silent[j] > 0.5 > usual[j]
    ]


def unknown(counts: Mapping[str, int]) -> list[Entry]:
    """Columns that are no sensor of the process: they are ignored, and might be a sensor that was renamed."""
    return [
        Entry(f"column={name}", "watch", count, f"{name} is no sensor of the process, now or formerly")
        for name, count in sorted(counts.items())
    ]


def units(now: Mapping[str, Mapping[str, int]], before: Mapping[str, Mapping[str, int]]) -> list[Entry]:
    """Units that a sensor is sent in and was not before: readings are converted, and were they only relabelled?

    Parameters
    ----------
    now, before
        Sensor -> unit as sent -> messages.
    """
    found = []
    for name in sorted(set(now) & set(before)):
        for unit, count in sorted(now[name].items()):
            if before[name] and unit not in before[name]:
                why = f"{name} is sent in {unit}, where it was sent in {', '.join(sorted(before[name]))}"
                found.append(Entry(f"unit={name}", "watch", count, why))
    return found


def words(now: Iterable[Mapping[str, str]], before: Mapping[str, tuple[str, ...]]) -> list[Entry]:
    """Keys and values of the metadata that the training period never had, and keys that are gone."""
    rows = list(now)
    seen: dict[str, dict[str, int]] = {}
    for row in rows:
        for key, value in row.items():
            seen.setdefault(key, {})[value] = seen.setdefault(key, {}).get(value, 0) + 1
    new_keys, gone = sorted(set(seen) - set(before)), sorted(set(before) - set(seen)) if rows else []
    found = [
        Entry(f"metadata={key}", "watch", sum(seen[key].values()), f"{key} is new: what was learned from lacks it")
        for key in new_keys
    ]
    found += [
        Entry(f"metadata={key}", "watch", len(rows), f"{key} is gone: what was learned from has it") for key in gone
    ]
    for key in sorted(set(before) & set(seen)):
        new = {value: count for value, count in seen[key].items() if value not in before[key]}
        if new and max(len(before[key]), len(seen[key])) <= MOST_VALUES:
            named = ", ".join(sorted(new)[:5])
            why = f"{key} has values that were not learned from: {named}"
            found.append(Entry(f"metadata={key}", "watch", sum(new.values()), why))
    return found
