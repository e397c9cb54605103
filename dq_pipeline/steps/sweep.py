"""Find the quality threshold by trial: train on what reaches it, judge on the newest quarter of history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.boosting import SHARED, boost, raw_prediction
from dq_pipeline.model.features import Features
from dq_pipeline.model.labels import label_guard
from dq_pipeline.process import PUBLISHED_THRESHOLD, Process
from dq_pipeline.quality.threshold import Trial, accept, sweep
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]

HELD = 0.25
SEEDS = (0, 1, 2)
LEAST = 40
"""Labelled samples below which nothing is tried."""


def sweep_threshold(batch: SampleBatch, target: Floats, unified: Floats, process: Process) -> tuple[Trial, ...]:
    """What every threshold would have been worth.

    The error is that on the newest quarter of the labelled samples, those whose labels and recordings are to be
    believed: the same ones for every threshold. Training never sees them, nor anything after them.

    Parameters
    ----------
    batch
        Samples in time order.
    target, unified : (n,)
        Labels, NaN where there is none, and scores.

    Returns
    -------
    tuple
        One trial a threshold; none where fewer than 40 samples are labelled.
    """
    labelled = np.flatnonzero(np.isfinite(target))
    if len(labelled) < LEAST:
        return ()
    cut = round(len(labelled) * (1.0 - HELD))
    older, newer = labelled[:cut], labelled[cut:]
    guarded = process.target.task == "regression" and process.model.label_guard
    believed = label_guard(target[newer]) if process.target.task == "regression" else np.ones(len(newer), np.bool_)
    judged = newer[believed & accept(unified[newer], PUBLISHED_THRESHOLD)]
    judged = judged if len(judged) >= 5 else newer

    def loss(kept: NDArray[np.bool_]) -> float:
        chosen = older[kept]
        chosen = chosen[label_guard(target[chosen])] if guarded else chosen
        return trial_error(batch.take(chosen), target[chosen], batch.take(judged), target[judged], process)

    return sweep(unified[older], loss, process.quality.min_retained)


def trial_error(fitted: SampleBatch, labels: Floats, judged: SampleBatch, truth: Floats, process: Process) -> float:
    """Mean absolute error, or share of wrong classes, of a quick model on later samples; infinite if none fits.

    The mean over a few seeds of the trees.
    """
    classes = len(process.target.classes)
    if len(fitted) < 5 or (classes and len(np.unique(labels)) < 2):
        return float("inf")
    features = Features.fit(fitted, process.sample.horizon_rows)
    known, asked = features.transform(fitted), features.transform(judged)
    centre, scale = (0.0, 1.0) if classes else (float(labels.mean()), float(labels.std()) or 1.0)
    errors = []
    for seed in SEEDS:
        booster = boost(
            known,
            (labels - centre) / scale,
            np.ones(len(labels)),
            SHARED,
            task=process.target.task,
            classes=classes,
            trees=process.model.trees,
            seed=seed,
        )
        said = raw_prediction(booster, asked)
        if classes:
            errors.append(float(np.mean(said.argmax(axis=1) != truth)))
        else:
            errors.append(float(np.mean(np.abs(centre + scale * said - truth))))
    return float(np.mean(errors))
