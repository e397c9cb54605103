"""A policy beside its rivals: each run's figures, and those of the simplest predictor there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.policy import PassivePolicy, Policy, StaticPolicy
from dq_pipeline.model.evaluation import CLASSIFICATION, REGRESSION, last_values
from dq_pipeline.process import Process
from dq_pipeline.replay.baselines import ErrorPolicy, PeriodicPolicy
from dq_pipeline.replay.prequential import Plan, Run
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one run.

    Attributes
    ----------
    refits, reinstated, references
        How often the model was fitted anew, a past regime's was put back, detector and reference were fitted anew.
    metrics
        Over all samples predicted.
    coverage
        Share of truths within the interval; None for a rival that gives none.
    seconds, adapting_s
        Of the whole run, and of its adaptations.
    """

    policy: str
    refits: int
    reinstated: int
    references: int
    alarms: int
    metrics: Mapping[str, float]
    coverage: float | None
    seconds: float
    adapting_s: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; a figure that is not defined is None."""
        metrics = {name: None if value != value else value for name, value in self.metrics.items()}
        return asdict(self) | {"metrics": metrics}


def figures(name: str, run: Run, process: Process) -> Row:
    """What a run came to."""
    known = np.isfinite(run.truth)
    within = (run.lower <= run.truth) & (run.truth <= run.upper)
    return Row(
        policy=name,
        refits=len(run.of_kind("refit")),
        reinstated=len(run.of_kind("reinstate")),
        references=len(run.of_kind("reference")),
        alarms=len(run.alarms),
        metrics=_metrics(run.truth, run.predicted, process),
        coverage=float(within[known].mean()) if known.any() else None,
        seconds=round(float(run.elapsed[-1]), 3),
        adapting_s=round(sum(a.seconds for a in run.adaptations), 3),
    )


def last_value(batch: SampleBatch, process: Process, plan: Plan) -> Row:
    """Predict what was last measured: each sample's truth known before the next sample, or `late` samples later."""
    first, late = plan.history, plan.late
    shifted = last_values(batch.target, float("nan"))
    said = np.concatenate([np.full(late, np.nan), shifted])[: len(batch)][first:]
    return Row("last value", 0, 0, 0, 0, _metrics(batch.target[first:], said, process), None, 0.0, 0.0)


def rivals(process: Process, run: Run, plan: Plan, error_ratio: float) -> dict[str, Policy]:
    """What a policy is to be shown beside, by name: on schedule, as often but evenly, by the error alone, never."""
    every, refits = process.drift.passive_every, len(run.of_kind("refit"))
    until = run.first + len(run.truth)
    chosen: dict[str, Policy] = {f"passive {every}": PassivePolicy(every)}
    if refits:
        chosen[f"periodic, {refits} times"] = PeriodicPolicy(plan.history, until, refits)
    return chosen | {f"error x{error_ratio:g}": ErrorPolicy(error_ratio), "static": StaticPolicy()}


def window_errors(run: Run, process: Process) -> Floats:
    """Error of each window: mean absolute error, or share of wrong classes; NaN where no truth is known."""
    wrong = np.abs(run.truth - run.predicted)
    if process.target.task == "classification":
        wrong = np.where(np.isfinite(run.truth), run.truth != run.predicted, np.nan)
    found = [wrong[i : i + run.step] for i in range(0, len(wrong), run.step)]
    return np.array([np.nanmean(part) if np.isfinite(part).any() else np.nan for part in found])


def _metrics(truth: Floats, said: Floats, process: Process) -> dict[str, float]:
    known = np.isfinite(truth) & np.isfinite(said)
    metrics = CLASSIFICATION if process.target.task == "classification" else REGRESSION
    return {
        name: float(metric(truth[known], said[known])) if known.any() else np.nan for name, metric in metrics.items()
    }
