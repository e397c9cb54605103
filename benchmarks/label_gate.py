"""The gate before training against wrong labels: how many of them it catches, and how many right ones it refuses.

3 of 100 labels are wrong: the truth, and off it to either side 3 sd of the model's error and more (3 + an exponential
variable of mean 1, or 3 + uniform up to 3). That error is the forward one of a model of the history alone, where there
is no drift: the smallest that the process ever sees. The pump-down is the demo's: faults in 8 of 100 recordings, all of
them learned from, and pumps that wear from the middle of the stream on; the gate is asked as a retraining would ask it,
30 and 180 recordings after. Beside it, on the same labels: the label guard, and the same residuals judged without what
the neighbours in time have in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, gated, recordings
from dq_pipeline.demo.plans import PLANS
from dq_pipeline.errors import SampleError
from dq_pipeline.feed import prepare
from dq_pipeline.feedback.consistency import LIMIT
from dq_pipeline.model.crossfit import cross_fitted
from dq_pipeline.model.features import Features
from dq_pipeline.model.labels import label_guard
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, place
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate import vacuum
from dq_pipeline.steps.training_data import TrainingData
from dq_pipeline.steps.training_gate import asked_of

HISTORY, MOST = 300, 800
SEEDS, SHARE = 3, 0.03
AFTER = (30, 180)
"""Recordings of the new regime at which a retraining asks."""
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Row = dict[str, Any]
Told = dict[str, tuple[Mask, Mask]]
"""By rule: which labels are wrong, and which are refused."""


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: shares caught and refused."""
    rows: list[Row] = []
    for name in ("vacuum",) if short else available():
        runs: list[Told] = []
        moved: list[Told] = []
        for seed in range(1 if short else SEEDS):
            for process, batch, since in _streams(name, seed, short):
                told = _asked(process, batch, np.random.default_rng([seed, len(batch)]))
                runs.append(told)
                if since is not None:
                    moved.append({rule: (wrong[since:], found[since:]) for rule, (wrong, found) in told.items()})
        rows += _rows(name, runs, moved)
    return rows


def _rows(name: str, runs: list[Told], moved: list[Told]) -> Iterator[Row]:
    caught, lost = _shares(runs, "gate")
    case = f"label_gate/{name}"
    beside = {rule: _shares(runs, rule) for rule in runs[0] if rule != "gate"}
    against = "; ".join(f"{rule} {one:.2f}" for rule, (one, _) in beside.items())
    yield _row(f"{case}: wrong labels caught", caught, against, ">= 0.8", caught >= 0.8)
    against = "; ".join(f"{rule} {one:.3f}" for rule, (_, one) in beside.items())
    yield _row(f"{case}: right labels refused", lost, against, "<= 0.05", lost <= 0.05)
    if moved:
        caught, lost = _shares(moved, "gate")
        beside = {rule: _shares(moved, rule) for rule in moved[0] if rule != "gate"}
        against = "; ".join(f"{rule} {one:.2f}" for rule, (one, _) in beside.items())
        yield _row(f"{case}: wrong labels caught since the drift", caught, against, ">= 0.8", caught >= 0.8)
        against = "; ".join(f"{rule} {one:.3f}" for rule, (_, one) in beside.items())
        yield _row(f"{case}: right labels refused since the drift", lost, against, "<= 0.05", lost <= 0.05)


def _shares(runs: list[Told], rule: str) -> tuple[float, float]:
    """Share of the wrong labels that a rule refuses, and of the right ones."""
    wrong, found = (np.concatenate([told[rule][part] for told in runs]) for part in (0, 1))
    return float(found[wrong].mean()), float(found[~wrong].mean())


def _asked(process: Process, batch: SampleBatch, rng: np.random.Generator) -> Told:
    n = len(batch)
    wrong = np.isin(np.arange(n), rng.choice(n, round(SHARE * n), replace=False))
    size = 3.0 + np.where(rng.uniform(size=n) < 0.5, rng.exponential(size=n), rng.uniform(0.0, 3.0, n))
    labels = batch.target + np.where(wrong, rng.choice([-1.0, 1.0], n) * size * _error(process, batch), 0.0)
    nothing = np.zeros(n, np.bool_)
    data = TrainingData(batch, labels, ~nothing, np.full(n, np.nan), np.arange(n), ())
    verdict = asked_of(process, data, threshold=0.0, reviewed=nothing, conflicting=nothing, new=nothing)
    features = Features.fit(batch, process.sample.horizon_rows)
    residual = labels - cross_fitted(features.transform(batch), labels, process)
    off = np.abs(residual - np.median(residual))
    alone = off > LIMIT * 1.4826 * np.median(off)
    rules = {"gate": ~verdict.passed, "label guard": ~label_guard(labels), "no neighbours in time": alone}
    return {rule: (wrong, found) for rule, found in rules.items()}


def _error(process: Process, batch: SampleBatch) -> float:
    """Root mean square of the forward errors on the history, in the target's unit."""
    past = batch.take(np.arange(HISTORY))
    features = Features.fit(past, process.sample.horizon_rows)
    training = train(
        features.transform(past),
        past.target,
        process,
        feature_names=features.names,
        rng=np.random.default_rng(0),
        candidate={},
    )
    return float(np.sqrt(np.mean(training.scores**2)))


def _streams(name: str, seed: int, short: bool) -> Iterator[tuple[Process, SampleBatch, int | None]]:
    """What retrainings would be asked to learn from, and where a known drift begins."""
    if name == "vacuum":
        process, found = _pump_down(seed)
        at = HISTORY + PLANS["vacuum"].drift.at
        for after in AFTER[:1] if short else AFTER:
            yield process, _batch(process, found[: at + after]), None if short else at
        return
    process, found = recordings(name)
    batch = _batch(process, found)
    first = (len(batch) - MOST) * seed // (SEEDS - 1)
    yield process, batch.take(np.arange(first, first + MOST)), None


def _pump_down(seed: int) -> tuple[Process, list[Recording]]:
    """History and stream of the demo, with its faults and its drift."""
    process, _ = recordings("vacuum", 1)
    plan, rng = PLANS["vacuum"], np.random.default_rng(seed)
    drift = vacuum.VacuumDrift(HISTORY + plan.drift.at, "wear", plan.wear)
    made = vacuum.simulate(HISTORY + plan.samples, rng, drift=drift)
    return process, list(prepare(made, process, seed=seed, faults=plan.faults).recordings)


def _batch(process: Process, found: list[Recording]) -> SampleBatch:
    """What the form gate lets through and has a target."""
    readable = []
    for one in found:
        try:
            place(one, process, "completion")
        except SampleError:
            continue
        readable.append(one)
    batch = gated(process, readable).in_order()
    return batch.take(np.flatnonzero(np.isfinite(batch.target)))


def _row(name: str, value: float, against: str, bar: str, holds: bool) -> Row:
    found = {"name": name, "value": float(f"{value:.4g}"), "unit": "share", "against": against}
    return {**found, "bar": bar, "holds": bool(holds)}
