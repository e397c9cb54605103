"""Two or more releases on the same samples of the past, beside what was answered then and the last value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.ports import World
from dq_pipeline.records import LIVE, PredictionRow
from dq_pipeline.release.side_by_side import side_by_side, slices
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.replay import FILE, Period, Replay, replay_period
from dq_pipeline.steps.rollout import standing
from dq_pipeline.steps.serving import in_production

PRODUCTION = "as answered"
"""What was answered then, as the ledger has it."""


def compare(
    world: World,
    process: str,
    *,
    releases: Sequence[str] = (),
    by: str = "",
    last: int | None = None,
    keep: bool = False,
    **period: Unpack[Period],
) -> dict[str, Any]:
    """Replay a period through releases and compare them; which, and `keep`, as :func:`replay_period` says.

    Parameters
    ----------
    releases
        Versions, or `file`; by default the release in Production and those that are rolled out.
    by
        A metadata key: each of its values is a slice of its own.

    Returns
    -------
    dict
        `figures`: of each release, of what was answered and of the last value, on the samples that all answered, with
        the ratio to what was answered; `counts` of each: alarms, fallbacks, share of truths in the interval; `learned`:
        how many of the samples each release was trained on, so that its error there is no forecast; `slices`;
        `reproduced`: of the answers that a release gave then, how many it gives differently now, by field; `series`.
    """
    asked = list(dict.fromkeys(releases)) or _asked(world, process)
    replay = replay_period(world, process, releases=asked, last=last, keep=keep, **period)
    classes = world.process(process).target.task == "classification"
    truth = np.array([one.target for one in replay.samples], dtype=np.float64)
    rows = {PRODUCTION: {one.sample_id: one.answer for one in replay.samples}}
    rows |= {one.name: one.rows for one in replay.replayed}
    said = {name: _values(replay, own) for name, own in rows.items()}
    rng = rng_of(f"{process}/compare/{len(truth)}/{','.join(asked)}")
    figures = side_by_side(truth, said, PRODUCTION, rng, classes=classes)
    numbers = [one.sample for one in replay.samples if one.sample is not None]
    return {
        "process": process,
        "period": {
            "first": min(numbers, default=None),
            "last": max(numbers, default=None),
            "samples": len(replay.samples),
            "judged": int(np.isfinite(truth).sum()),
            "batches": len({one.batch_id for one in replay.samples}),
        },
        "error": "share of wrong classes" if classes else f"mean absolute error, {world.process(process).target.unit}",
        "figures": [asdict(one) for one in figures],
        "counts": {name: _counts(replay, own) for name, own in rows.items()},
        "learned": {name: _learned(world, process, name, replay) for name in asked},
        "by": by,
        "slices": _slices(replay, said, truth, by, classes=classes) if by else [],
        "reproduced": {
            one.name: {"compared": one.compared, "differing": {name: n for name, n in one.differing.items() if n}}
            for one in replay.replayed
        },
        "series": {
            "sample": [one.sample for one in replay.samples],
            "truth": _listed(truth),
            **{name: _listed(values) for name, values in said.items()},
        },
    }


def _asked(world: World, process: str) -> list[str]:
    under_way = [row.version for row in standing(world, process).values() if row.state in LIVE]
    return [in_production(world, process).version, *under_way]


def _learned(world: World, process: str, name: str, replay: Replay) -> int:
    version = in_production(world, process).version if name == FILE else name
    keys = {row.version: row.key for row in world.ledger.releases(process)}
    batch = world.ledger.training_set_of(process, keys[version]) if version in keys else None
    if batch is None:
        return 0
    known = {(one.batch_id, one.sample_id) for one in world.ledger.training_samples(process, batch.hash)}
    return sum((one.batch_id, one.sample_id) in known for one in replay.samples)


def _values(replay: Replay, rows: Mapping[str, PredictionRow]) -> NDArray[np.float64]:
    """What a model said; a fallback's answer is none of its own."""
    found = [rows.get(one.sample_id) for one in replay.samples]
    return np.array([None if row is None or row.fallback else row.value for row in found], dtype=np.float64)


def _counts(replay: Replay, rows: Mapping[str, PredictionRow]) -> dict[str, Any]:
    found = [(rows[one.sample_id], one.target) for one in replay.samples if one.sample_id in rows]
    within = [
        row.lower <= target <= row.upper
        for row, target in found
        if target is not None and row.lower is not None and row.upper is not None
    ]
    return {
        "answered": len(found),
        "alarms": sum(row.alarm for row, _ in found),
        "fallbacks": sum(row.fallback is not None for row, _ in found),
        "coverage": float(np.mean(within)) if within else None,
    }


def _slices(
    replay: Replay, said: Mapping[str, NDArray[np.float64]], truth: NDArray[np.float64], by: str, *, classes: bool
) -> list[dict[str, Any]]:
    values = [str(one.metadata.get(by, "")) for one in replay.samples]
    found = []
    for name, index in slices(values).items():
        own = {release: value[index] for release, value in said.items()}
        rng = rng_of(f"{replay.process}/{by}/{name}/{len(index)}")
        figures = side_by_side(truth[index], own, PRODUCTION, rng, classes=classes)
        found.append({"value": name, "samples": len(index), "figures": [asdict(one) for one in figures]})
    return found


def _listed(values: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
