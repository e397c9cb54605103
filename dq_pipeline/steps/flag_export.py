"""Flagged samples with everything that a labelling tool or a notebook needs, one row each."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.profile.bins import Reference
from dq_pipeline.records import FlagKind, FlagRow
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.flags import shown
from dq_pipeline.steps.known_samples import KnownSamples, known_samples
from dq_pipeline.steps.serving import load

log = logging.getLogger(__name__)

_AT_ONCE = 200


def export_rows(
    world: World,
    process: str,
    *,
    kinds: Sequence[FlagKind] = (),
    since: datetime | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """One row for each flagged sample, the most recently flagged first; `limit` counts samples.

    A sample whose recording has not come yet, or is no longer in the lake, has no curves: these columns are None.
    """
    by_sample: dict[str, list[FlagRow]] = defaultdict(list)
    for row in world.ledger.flags(process, kinds=kinds, since=since):
        by_sample[row.flag.sample_id].append(row)
    yield from sample_rows(world, process, {name: by_sample[name] for name in list(by_sample)[:limit]})


def sample_rows(
    world: World, process: str, by_sample: Mapping[str, Sequence[FlagRow]], known: KnownSamples | None = None
) -> Iterator[dict[str, Any]]:
    """One row for each of these samples, with its flags, of which there may be none.

    Parameters
    ----------
    known
        What was asked of the ledger already; it is asked here otherwise, some samples at a time.
    """
    settings = world.process(process)
    names = list(by_sample)
    versions = {row.version: row for row in world.ledger.releases(process)}

    @cache
    def reference(version: str) -> Reference | None:
        try:
            scorer = load(world, versions[version]).bundle.completion_scorer
        except (DQError, KeyError):
            log.warning("%s: release %s cannot be read, its samples are exported without a band", process, version)
            return None
        return None if scorer is None else scorer.reference

    @cache
    def curves(uri: str) -> SampleBatch | None:
        try:
            return SampleBatch.from_bytes(world.lake.get(f"{uri}/samples.npz"))
        except FileNotFoundError:
            return None

    for begin in range(0, len(names), _AT_ONCE):
        ids = names[begin : begin + _AT_ONCE]
        own = known_samples(world, process, ids) if known is None else known
        for name in ids:
            answer, place, truth = own.answers.get(name), own.places.get(name), own.truths.get(name)
            found = by_sample[name]
            version = answer.release if answer is not None else next((row.flag.release for row in found), "")
            yield {
                "sample_id": name,
                "process": process,
                "source": None if place is None else place.source,
                "start": None if place is None else place.start.isoformat(),
                "metadata": None if place is None else dict(place.metadata),
                "kinds": sorted({str(row.flag.kind) for row in found}),
                "flags": [shown(row.flag, row.at) for row in found],
                "rejected": any(row.flag.rejected for row in found),
                "release": version or None,
                "prediction": None if answer is None else answer.value,
                "lower": None if answer is None else answer.lower,
                "upper": None if answer is None else answer.upper,
                "fallback": None if answer is None else answer.fallback,
                "target": None if truth is None else truth.value,
                "target_name": settings.target.name,
                "target_unit": settings.target.unit,
                "unified": None if place is None else place.unified,
                "accepted": None if place is None else place.accepted,
                "dimensions": None if place is None else dict(place.dimensions),
                "horizon_rows": settings.sample.horizon_rows,
                "period_s": settings.sample.period_s,
                **curves_of(name, None if place is None else curves(place.uri), settings.sample.period_s),
                "band": _band(None if not version else reference(version)),
            }
        curves.cache_clear()


def curves_of(name: str, batch: SampleBatch | None, period_s: float) -> dict[str, Any]:
    """Seconds from the start (T,), and the readings at them by sensor; None where there is no recording."""
    if batch is None or name not in batch.ids:
        return {"t_s": None, "curves": None}
    values = batch.values[batch.ids.index(name)]
    times = np.arange(batch.rows) * period_s
    return {"t_s": times.tolist(), "curves": {s: _plain(values[:, j]) for j, s in enumerate(batch.sensors)}}


def _band(reference: Reference | None) -> dict[str, Any] | None:
    """Median and envelope of the reference, per sensor and profile row."""
    if reference is None:
        return None
    parts = {"median": reference.median, "lower": reference.lower, "upper": reference.upper}
    return {
        sensor: {part: _plain(values[j]) for part, values in parts.items()}
        for j, sensor in enumerate(reference.sensors)
    }


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
