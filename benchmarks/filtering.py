"""What leaving out low-quality recordings is worth to the model, beside what does the same work more simply.

A fifth of 300 training recordings carry a fault, and one of the same kind in the column that their label comes from:
corrupted inputs and corrupted labels. The model is judged on the next 100 recordings, which are clean. Beside the
quality threshold (the published one, and the one found by trial): no filter, the label guard alone, both, and as many
recordings left out at random. In two rows the labels are the true ones. Medians over seeds, each with a stretch of its
own; the scores are those of a scorer that knows nothing but the dirty training recordings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, gated, recordings
from dq_pipeline.model.labels import label_guard
from dq_pipeline.process import PUBLISHED_THRESHOLD, Process, Quality
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import in_windows
from dq_pipeline.quality.threshold import accept, choose
from dq_pipeline.recording import Recording
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import with_spoilt_labels
from dq_pipeline.steps.reference import curated, fit_scorer_on, with_faults
from dq_pipeline.steps.sweep import sweep_threshold, trial_error

TRAINED, JUDGED, FAULTY = 300, 100, 0.2
Row = dict[str, Any]
Mask = NDArray[np.bool_]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: mean absolute errors, and the thresholds that were chosen."""
    rows: list[Row] = []
    for name in (name for name in ("hydraulic", "vacuum") if name in available()):
        process, found = recordings(name, TRAINED + JUDGED if short else None)
        seeds = 1 if short else 10
        begins = np.linspace(0, len(found) - TRAINED - JUDGED, seeds).astype(int)
        told = [one(process, found[b : b + TRAINED + JUDGED], np.random.default_rng(b)) for b in begins]
        for arm in told[0]:
            unit = "share" if arm.startswith(("threshold", "left out")) else process.target.unit
            value = float(np.median([each[arm] for each in told]))
            against = f"median of {seeds} seeds"
            row = {"name": f"filtering/{name}: {arm}", "value": float(f"{value:.4g}"), "unit": unit}
            rows.append({**row, "against": against, "bar": None, "holds": None})
    return rows


def one(process: Process, found: list[Recording], rng: np.random.Generator) -> dict[str, float]:
    """Mean absolute error on the newest clean recordings, by what the training recordings were chosen by."""
    clean, later = gated(process, found[:TRAINED]), gated(process, found[TRAINED:])
    dirty = gated(process, _with_faults(process, found[:TRAINED], rng))
    unified = scores(process, dirty, rng)
    judged = np.flatnonzero(np.isfinite(later.target))
    labels, truth = dirty.target, clean.target

    def error(kept: Mask, target: NDArray[np.float64] = labels) -> float:
        chosen = np.flatnonzero(kept & np.isfinite(target))
        return trial_error(dirty.take(chosen), target[chosen], later.take(judged), later.target[judged], process)

    everything, believed = np.ones(TRAINED, np.bool_), label_guard(labels)
    good = accept(unified, PUBLISHED_THRESHOLD)
    swept = choose(sweep_threshold(dirty, labels, unified, _asking(process)), otherwise=PUBLISHED_THRESHOLD)
    best = accept(unified, swept)
    chance = np.isin(np.arange(TRAINED), rng.choice(TRAINED, int(best.sum()), replace=False))
    return {
        "no filter": error(everything),
        "label guard alone": error(believed),
        f"cut {PUBLISHED_THRESHOLD}, no guard": error(good),
        "swept threshold, no guard": error(best),
        f"cut {PUBLISHED_THRESHOLD} and guard": error(good & believed),
        "swept threshold and guard": error(best & believed),
        "as many left out at random and guard": error(chance & believed),
        "no filter, true labels": error(everything, truth),
        "swept threshold, true labels": error(best, truth),
        "threshold that was chosen": swept,
        "left out by it": float(1.0 - best.mean()),
    }


def scores(process: Process, dirty: SampleBatch, rng: np.random.Generator) -> NDArray[np.float64]:
    """Unified scores of the training recordings, by a reference curated from these very recordings."""
    chosen = dirty.take(curated(process, dirty, rng))
    scorer = fit_scorer_on(process, chosen, with_faults(process, chosen, rng), rng)
    return in_windows(scorer, profile(dirty.head(scorer.reference.rows), scorer.reference))


def _with_faults(process: Process, found: list[Recording], rng: np.random.Generator) -> list[Recording]:
    return with_spoilt_labels(found, str(process.target.column), FAULTY, rng)[0]


def _asking(process: Process) -> Process:
    asking = {**process.quality.model_dump(), "threshold": "sweep"}
    return process.model_copy(update={"quality": Quality.model_validate(asking)})
