"""Flags against injected truth, in time order: how much of it is flagged, and how much of what is well, by the budget.

A fifth of the stream's recordings carry a fault, or are drifted: read elsewhere, by a wrong gain or in another unit.
A release answers 50 recordings, then the next one learns from what was good enough. Beside the flags: as many drawn at
random, and as many of the lowest unified scores. `as one` means flagged or below the threshold: what is rejected anyway
needs no flag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, put_faults, scale_of, stream
from dq_pipeline.feedback.flags import Rules
from dq_pipeline.model.features import Features
from dq_pipeline.model.inference import Model
from dq_pipeline.model.intervals import recalibrated
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.records import UNBUDGETED, FlagKind
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.drifts import DRIFTS, Step
from dq_pipeline.steps.flag_rules import fitted
from dq_pipeline.steps.reference import fit_scorer_on, with_faults

HISTORY = {"hydraulic": 300, "skab": 250, "vacuum": 300}
BATCH, EVERY, SCORED = 25, 50, 200
SHARE = 0.2
Mask = NDArray[np.bool_]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What n samples of a stream got: by kind, by score, and what was wrong with them in truth."""

    wrong: Mask
    by_kind: dict[str, Mask]
    unified: NDArray[np.float64]
    accepted: Mask
    answers: NDArray[np.float64]
    """(n, 4): value, lower, upper, label."""

    def flagged(self, *without: FlagKind) -> Mask:
        """(n,) flagged by any kind but these."""
        return np.any([mask for kind, mask in self.by_kind.items() if kind not in without], axis=0)


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: recall, rates and the two baselines."""
    rows: list[Row] = []
    for name in ("vacuum",) if short else available():
        process, batch = stream(name, 400 if short else None)
        batch = batch.take(np.flatnonzero(np.isfinite(batch.target)))
        for injected in ("faults", "drifted"):
            told = play(process, batch, HISTORY[name], injected, np.random.default_rng(0))
            rows += _rows(f"flags/{name}, {injected}", told, process)
    return rows


def _rows(case: str, told: Told, process: Process) -> Iterator[Row]:
    flagged, wrong = told.flagged(), told.wrong
    rate = float(flagged.mean())
    lowest = np.isin(np.arange(len(wrong)), np.argsort(told.unified, kind="stable")[: int(flagged.sum())])
    budget = process.feedback.flags_per_100
    yield _row(f"{case}: flagged", 100.0 * rate, "per 100")
    yield _row(
        f"{case}: flagged where nothing is wrong", 100.0 * flagged[~wrong].mean(), "per 100", f"budget {budget:g}"
    )
    yield _row(f"{case}: recall", flagged[wrong].mean(), "share", f"at random {rate:.3f}")
    yield _row(f"{case}: recall of as many lowest scores", lowest[wrong].mean(), "share", "the unified score alone")
    early = told.flagged(FlagKind.BEYOND_INTERVAL)
    yield _row(f"{case}: recall before the target is known", early[wrong].mean(), "share")
    either = flagged | ~told.accepted
    clean = f"{100.0 * either[~wrong].mean():.1f} per 100 where nothing is wrong"
    yield _row(f"{case}: recall as one with the threshold", either[wrong].mean(), "share", clean)
    for kind, mask in told.by_kind.items():
        clean = f"{100.0 * mask[~wrong].mean():.1f} per 100 where nothing is wrong"
        yield _row(f"{case}: recall of {kind}", mask[wrong].mean(), "share", clean)


def play(process: Process, clean: SampleBatch, begin: int, injected: str, rng: np.random.Generator) -> Told:
    """The stream from `begin` on, as it is assessed and learned from."""
    spoilt, wrong = _injected(process, clean, begin, injected, rng)
    n = len(clean)
    accepted, unified = np.ones(n, np.bool_), np.full(n, np.nan)
    by_kind = {str(kind): np.zeros(n, np.bool_) for kind in FlagKind if kind not in UNBUDGETED}
    numbers = {name: i for i, name in enumerate(clean.ids)}
    answers = np.full((n, 4), np.nan)
    since, release = begin, _learned(process, spoilt, accepted, unified, begin, rng)
    errors, missed = np.empty(0), np.empty(0, np.bool_)
    for first in range(begin, n, BATCH):
        until = min(first + BATCH, n)
        if first - since >= EVERY:
            release, since = _learned(process, spoilt, accepted, unified, first, rng), first
            errors, missed = np.empty(0), np.empty(0, np.bool_)
        features, model, scorer, rules = release
        shown = spoilt.between(first, until)
        before = spoilt.between(max(first - BATCH, 0), first).head(scorer.reference.rows)
        scores = scorer.score(
            profile(shown.head(scorer.reference.rows), scorer.reference), profile(before, scorer.reference)
        )
        unified[first:until] = scores.unified
        accepted[first:until] = scores.unified >= process.quality.stated_threshold
        matrix = features.transform(shown)
        said = model.predict(matrix)
        lower, upper = recalibrated(model.calibration, errors, missed).interval(said.value)
        table = np.stack([said.value, lower, upper, shown.target], axis=1)
        answers[first:until] = table
        if rules is not None:
            flags = rules.at_answer(shown.ids, "1", matrix, said.value, np.ones(len(shown), np.bool_))
            flags += rules.at_score(shown.ids, "1", scores.unified, process.quality.stated_threshold)
            flags += rules.at_target([(name, "1", row) for name, row in zip(shown.ids, table, strict=True)])
            for flag in flags:
                by_kind[str(flag.kind)][numbers[flag.sample_id]] = True
        good = accepted[first:until]
        off, radius = np.abs(shown.target - said.value)[good], recalibrated(model.calibration, errors, missed).radius
        errors, missed = np.append(errors, off), np.append(missed, off > radius)
    kinds = {kind: mask[begin:] for kind, mask in by_kind.items()}
    return Told(wrong[begin:], kinds, unified[begin:], accepted[begin:], answers[begin:])


def _learned(
    process: Process,
    batch: SampleBatch,
    accepted: Mask,
    unified: NDArray[np.float64],
    until: int,
    rng: np.random.Generator,
) -> tuple[Features, Model, QualityScorer, Rules | None]:
    """A release of what was good enough before `until`."""
    good = np.flatnonzero(accepted[:until])
    chosen = batch.take(good)
    features = Features.fit(chosen, process.sample.horizon_rows)
    matrix = features.transform(chosen)
    training = train(matrix, chosen.target, process, feature_names=features.names, rng=rng, candidate={})
    low = np.nan_to_num(unified[good], nan=1.0)
    scored = chosen.take(low >= np.quantile(low, 0.1))  # as an adaptation chooses what its bins are made of
    newest = scored.take(np.arange(max(len(scored) - SCORED, 0), len(scored)))
    scorer = fit_scorer_on(process, newest, with_faults(process, newest, rng), rng)
    rules = fitted(process, features, matrix, training, unified[good], process.quality.stated_threshold)
    return features, training.model, scorer, rules


def _injected(
    process: Process, clean: SampleBatch, begin: int, injected: str, rng: np.random.Generator
) -> tuple[SampleBatch, Mask]:
    """The stream with something wrong in a fifth of it, from `begin` on; the truth stays what it was."""
    past, rest = clean.take(np.arange(begin)), clean.take(np.arange(begin, len(clean)))
    scale = scale_of(past)
    if injected == "faults":
        found = put_faults(rest, process, scale, rng, SHARE)
        return SampleBatch.concat([past, found.batch]), np.concatenate([np.zeros(begin, np.bool_), found.faulty])
    wrong = np.zeros(len(clean), np.bool_)
    wrong[begin + rng.choice(len(rest), round(SHARE * len(rest)), replace=False)] = True
    values = clean.values.copy()
    for i in np.flatnonzero(wrong):
        _drift(values[i], scale, rng)
    return replace(clean, values=values), wrong


def _drift(values: NDArray[np.float64], scale: NDArray[np.float64], rng: np.random.Generator) -> None:
    """One kind in one to three sensors of a recording (T, f): 1 to 5 sd, gains of 10 to 50 %, units of 10 and .1."""
    kind = str(rng.choice(list(DRIFTS)))
    sizes = {"gain": rng.uniform(0.1, 0.5), "unit": rng.choice([10.0, 0.1])}
    size = float(sizes.get(kind, rng.uniform(1.0, 5.0)))
    moved = rng.choice(values.shape[1], min(int(rng.integers(1, 4)), values.shape[1]), replace=False)
    for position, j in enumerate(moved.tolist()):
        values[:, j] = DRIFTS[kind](values[:, j], Step(size, float(scale[j]), position))


def _row(name: str, value: float, unit: str, against: str | None = None) -> Row:
    return {"name": name, "value": float(f"{value:.4g}"), "unit": unit, "against": against, "bar": None, "holds": None}
