"""What production gave over a window: one pass over the ledger's rows, and over the recordings in the lake."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.contracts.observed import Observed
from dq_pipeline.ports import World
from dq_pipeline.records import Observation
from dq_pipeline.steps.clock import as_moment
from dq_pipeline.steps.serving import Serving
from dq_pipeline.steps.stretch import recordings

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What was seen of the samples numbered first <= number < stop.

    Attributes
    ----------
    rows
        As the ledger has them, in stream order.
    observed
        The same as arrays.
    offline
        The same with the answers that the release gives to these recordings here and now.
    by
        (n,) the release that answered, empty where none did.
    disordered
        (n,) share of the rows that came out of order; NaN where the recording is not at hand.
    """

    rows: tuple[Observation, ...]
    observed: Observed
    offline: Observed
    by: NDArray[Any]
    disordered: Floats


def observe(world: World, serving: Serving, first: int, stop: int, *, release: str | None = None) -> Window:
    """Read a window.

    Parameters
    ----------
    serving
        The release that is asked again offline.
    release
        Whose answers, in whichever role; None: those that were acted upon.
    """
    process = serving.process
    rows = world.ledger.observations(process.name, first_sample=first, stop_sample=stop, release=release)
    observed = _observed(rows, len(process.sensor_names))
    nothing = np.full(len(rows), np.nan)
    offline = replace(observed, value=nothing, lower=nothing.copy(), upper=nothing.copy())
    disordered = np.full(len(rows), np.nan)
    place = {number: i for i, number in enumerate(observed.number.tolist())}
    for numbers, batch in recordings(world, serving, first, stop):
        at = np.array([place.get(number, -1) for number in numbers.tolist()])
        known, at = at >= 0, at[at >= 0]
        if not len(at):
            continue
        batch = batch.take(np.flatnonzero(known))
        observed.missing[at] = batch.missing_share
        disordered[at] = batch.late_share
        said = serving.bundle.predict(batch)
        offline.value[at], offline.lower[at], offline.upper[at] = said.value, said.lower, said.upper
    by = np.array([row.release or "" for row in rows], dtype=object)
    return Window(tuple(rows), observed, offline, by, disordered)


def _observed(rows: Any, sensors: int) -> Observed:
    def reals(name: str) -> Floats:
        return np.array([getattr(row, name) for row in rows], dtype=np.float64)  # None is NaN

    model = np.array([row.fallback is None for row in rows], dtype=np.bool_)
    return Observed(
        number=np.array([row.sample for row in rows], dtype=np.int64),
        start=np.array([as_moment(row.start) for row in rows], dtype="datetime64[us]"),
        source=np.array([row.source for row in rows], dtype=object),
        metadata=tuple(row.metadata for row in rows),
        value=np.where(model, reals("value"), np.nan),
        lower=np.where(model, reals("lower"), np.nan),
        upper=np.where(model, reals("upper"), np.nan),
        truth=reals("target"),
        expected_error=np.where(model, reals("expected_error"), np.nan),
        unified=reals("unified"),
        alarm=reals("alarm"),
        latency_s=np.array([_seconds(row.came_at, row.answered_at) for row in rows], dtype=np.float64),
        missing=np.full((len(rows), sensors), np.nan),
    )


def _seconds(came: datetime | None, answered: datetime | None) -> float:
    return float("nan") if came is None or answered is None else (answered - came).total_seconds()
