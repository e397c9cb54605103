"""The gate before training: what of the training data a model may learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.feedback.gate import Candidates, Verdict, judge, too_few
from dq_pipeline.model.crossfit import cross_fitted
from dq_pipeline.model.features import STATISTICS, Features
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import TargetRow
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.steps.training_data import TrainingData, training_data

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """What may be learned from, and what not.

    Attributes
    ----------
    data
        The training data without what the gate refused for more than its quality: how much was good enough is asked of
        a challenger later.
    verdict
        Of all labelled samples.
    unlabelled
        Samples nobody knows the truth of.
    truths
        Where the labels came from, by sample id.
    new
        Samples passed that the release in Production was not asked to learn from, or by another label; None where it
        does not say.
    """

    data: TrainingData
    verdict: Verdict
    unlabelled: int
    truths: Mapping[str, TargetRow]
    new: int | None

    def findings(self) -> dict[str, Any]:
        """What each gate found, as plain JSON values."""
        return {
            "labelled": len(self.verdict.passed),
            "passed": int(self.verdict.passed.sum()),
            "unlabelled": self.unlabelled,
            "new": self.new,
            "counts": self.verdict.counts,
            "figures": self.verdict.figures,
            "refused": [asdict(one) for one in self.verdict.refusals],
        }


def admit(world: World, process: Process, data: TrainingData, *, threshold: float, version: str | None) -> Admitted:
    """Let samples into training, or refuse them with a reason each.

    Parameters
    ----------
    process
        As it decides the next release.
    data
        Everything that could be learned from.
    threshold
        The score from which a recording is good enough.
    version
        The release in Production; None for a first one.
    """
    labelled = np.flatnonzero(np.isfinite(data.target))
    asked = data.take(labelled)
    ids = asked.batch.ids
    truths = world.ledger.truths(process.name, ids)
    conflicting = world.ledger.conflicts(process.name, ids)
    known = None if version is None else _seen(world, process.name, version)
    reviewed = np.array([name in truths and by_review(truths[name]) for name in ids], np.bool_)
    verdict = asked_of(
        process,
        asked,
        threshold=threshold,
        reviewed=reviewed,
        conflicting=np.array([name in conflicting for name in ids], np.bool_),
        new=np.array([known is not None and name not in known for name in ids], np.bool_),
    )
    new = None
    if known is not None:
        rows = zip(ids, asked.target.tolist(), reviewed.tolist(), verdict.passed.tolist(), strict=True)
        new = sum(passed and _tells_more(known, *row) for *row, passed in rows)
    kept = np.ones(len(data), np.bool_)
    kept[labelled] = verdict.passed | ~asked.accepted
    return Admitted(data.take(kept), verdict, len(data) - len(labelled), truths, new)


def admit_next(world: World, process: Process, serving: Serving) -> Admitted:
    """Of everything that could be learned from, what the next training may, after the release in Production."""
    data = training_data(world, process)
    return admit(world, process, data, threshold=serving.bundle.threshold, version=serving.version)


def would_refuse(world: World, process: str, *, limit: int = 20) -> dict[str, Any]:
    """What the next training would refuse, and why, without training.

    Returns
    -------
    dict
        `labelled`, `passed`, `unlabelled`, `new`, `counts` by gate, `figures`, and `refused`: of each gate the newest
        `limit` samples.

    Raises
    ------
    StateError
        If no release answers yet.
    """
    settings, serving = world.process(process), in_production(world, process)
    found = admit_next(world, settings, serving).findings()
    shown: list[dict[str, Any]] = []
    for gate in found["counts"]:
        shown += [one for one in found["refused"] if one["gate"] == gate][::-1][:limit]
    return {"process": process, "release": serving.version, **found, "refused": shown}


def asked_of(
    process: Process,
    data: TrainingData,
    *,
    threshold: float,
    reviewed: Mask,
    conflicting: Mask,
    new: Mask,
) -> Verdict:
    """What the gate says of labelled samples (n,) in time order."""
    features = _features(process, data.batch)
    matrix = features.transform(data.batch)

    def cross_fit(learn: Mask, about: Mask) -> NDArray[np.float64]:
        found = np.full(len(data), np.nan)
        found[about] = cross_fitted(matrix[about], data.target[about], process, learn=learn[about])
        return found

    return judge(
        Candidates(
            ids=data.batch.ids,
            values=data.batch.values,
            features=matrix,
            sensor=features.chosen // len(STATISTICS),
            target=data.target,
            classes=process.target.class_count,
            accepted=data.accepted,
            unified=data.unified,
            threshold=threshold,
            reviewed=reviewed,
            conflicting=conflicting,
            new=new,
        ),
        process.feedback.gate,
        cross_fit,
    )


def shortage(process: Process, admitted: Admitted) -> str | None:
    """Why there is too little to train on, with what became of the samples; None if there is enough."""
    passed = int(admitted.verdict.passed.sum())
    why = too_few(passed, admitted.new, process.feedback.gate, process.model.min_samples)
    if why is None:
        return None
    lost = ", ".join(f"{count} by {gate}" for gate, count in admitted.verdict.counts.items()) or "none"
    return (
        f"{process.name}: {why} among {len(admitted.verdict.passed)} labelled ones; refused: {lost}. "
        f"Wait for more labels; `dq gate {process.name}` shows what is refused and why"
    )


def check_volume(process: Process, admitted: Admitted) -> None:
    """Refuse a training of too little.

    Raises
    ------
    DataError
        With :func:`shortage`.
    """
    why = shortage(process, admitted)
    if why is not None:
        raise DataError(why)


def _features(process: Process, batch: SampleBatch) -> Features:
    if len(batch):
        return Features.fit(batch, process.sample.horizon_rows)
    k = len(batch.sensors) * len(STATISTICS)
    return Features(batch.sensors, process.sample.horizon_rows, np.arange(k), np.zeros(k), np.ones(k))


def _seen(world: World, process: str, version: str) -> dict[str, float] | None:
    """What the release has learned from, with the labels it learned; NaN where it was refused when it was trained.

    None if the release does not say.
    """
    row = next((one for one in world.ledger.releases(process) if one.version == version), None)
    known = None if row is None else world.ledger.training_set_of(process, row.key)
    if known is None:
        return None
    turned_away = [one["sample_id"] for one in known.findings.get("refused", [])]
    turned_away += known.findings.get("dropped_by_label_guard", [])
    learned = {one.sample_id: one.target for one in world.ledger.training_samples(process, known.hash)}
    return dict.fromkeys(turned_away, np.nan) | learned


def _tells_more(known: Mapping[str, float], name: str, target: float, reviewed: bool) -> bool:
    """Never seen, learned with another label, or refused then and settled by a reviewer since."""
    if name not in known:
        return True
    return reviewed if np.isnan(known[name]) else known[name] != target


def by_review(truth: TargetRow) -> bool:
    return truth.origin == "review"
