"""What production gave over a window, as arrays, and the slices that contracts speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.sections.contract import Slice

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_SLICES = 20
"""Values of a key that are looked at, those with most samples first: an id is no slice."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """n samples in stream order, each with the answer that was given.

    Attributes
    ----------
    number : (n,)
        Numbers of the samples in stream order.
    start : (n,)
        datetime64[us], UTC.
    source : (n,)
        Who sent them.
    metadata
        n mappings of text.
    value, lower, upper : (n,)
        The model's answer, in the target's unit or as index of a class; NaN where a fallback answered.
    truth : (n,)
        As known now; NaN where it is not.
    expected_error : (n,)
        What error was expected of the answer before its truth was known.
    unified : (n,)
        Score of the completed recording, in [0, 1].
    alarm : (n,)
        1 where an alarm was raised, NaN where nobody answered.
    latency_s : (n,)
        From the arrival of what was answered to the answer.
    missing : (n, f)
        Share of each sensor's readings that did not come; NaN where the recording is not at hand.
    """

    number: NDArray[np.int64]
    start: NDArray[np.datetime64]
    source: NDArray[Any]
    metadata: tuple[Mapping[str, str], ...]
    value: Floats
    lower: Floats
    upper: Floats
    truth: Floats
    expected_error: Floats
    unified: Floats
    alarm: Floats
    latency_s: Floats
    missing: Floats

    def __len__(self) -> int:
        return len(self.number)

    def take(self, index: NDArray[Any]) -> Observed:
        """The chosen samples."""
        chosen = np.arange(len(self))[index]
        arrays = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "metadata"}
        return Observed(**arrays, metadata=tuple(self.metadata[i] for i in chosen.tolist()))


def slices(observed: Observed, wanted: Slice, sensors: tuple[str, ...], zone: str) -> dict[str, Mask]:
    """The samples of each slice, by its name `key=value`; one without a name where nothing divides them.

    Parameters
    ----------
    sensors
        Names of the columns of `observed.missing`.
    zone
        Of the hours and days of a season.
    """
    kept = np.ones(len(observed), dtype=np.bool_)
    said = []
    if wanted.missing_above is not None:
        kept &= share_missing(observed, wanted.sensors, sensors) > wanted.missing_above
        said.append(f"missing>{wanted.missing_above:g}")
    if wanted.outage_s is not None:
        kept &= after_outage(observed, wanted.outage_s) | silent(observed, wanted.sensors, sensors)
        said.append(f"outage>{wanted.outage_s:g}s")
    keys = _keys(observed, wanted, zone)
    if keys is None:
        return {",".join(said): kept}
    name, values = keys
    here = [value for value in values[kept].tolist() if value]
    most = sorted(set(here), key=lambda value: (-here.count(value), value))[:MOST_SLICES]
    return {",".join([*said, f"{name}={value}"]): kept & (values == value) for value in sorted(most)}


def share_missing(observed: Observed, group: tuple[str, ...], sensors: tuple[str, ...]) -> Floats:
    """Share of the readings of a group of sensors (all, where it names none) that did not come, (n,)."""
    columns = [i for i, name in enumerate(sensors) if not group or name in group]
    return np.asarray(observed.missing[:, columns].mean(axis=1), dtype=np.float64)


def silent(observed: Observed, group: tuple[str, ...], sensors: tuple[str, ...]) -> Mask:
    """Samples in which a sensor of the group shows nothing at all, (n,)."""
    columns = [i for i, name in enumerate(sensors) if not group or name in group]
    return np.asarray((observed.missing[:, columns] >= 1.0).any(axis=1), dtype=np.bool_)


def after_outage(observed: Observed, seconds: float) -> Mask:
    """Samples that start more than so many seconds after the one before them of the same source, (n,)."""
    found = np.zeros(len(observed), dtype=np.bool_)
    for source in sorted(set(observed.source.tolist())):
        own = np.flatnonzero(observed.source == source)
        order = own[np.argsort(observed.start[own], kind="stable")]
        gaps = np.diff(observed.start[order]) / np.timedelta64(1, "s")
        found[order[1:]] = gaps > seconds
    return found


def _keys(observed: Observed, wanted: Slice, zone: str) -> tuple[str, NDArray[Any]] | None:
    if wanted.season is not None:
        return wanted.season, _seasons(observed.start, wanted.season, zone)
    if wanted.by is None:
        return None
    if wanted.by == "source":
        return "source", observed.source
    return wanted.by, np.array([one.get(wanted.by, "") for one in observed.metadata], dtype=object)


def _seasons(start: NDArray[np.datetime64], season: str, zone: str) -> NDArray[Any]:
    form = {"hour": "%H", "weekday": "%a", "month": "%m"}[season]
    utc, local = ZoneInfo("UTC"), ZoneInfo(zone)
    times = [moment.replace(tzinfo=utc).astimezone(local) for moment in start.astype("datetime64[us]").tolist()]
    return np.array([time.strftime(form) for time in times], dtype=object)
