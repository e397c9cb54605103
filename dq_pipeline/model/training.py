"""Training the inference model: guard the labels, search forward in time, calibrate, fit on everything."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.model.boosting import Candidate, boost, candidates, check_device, enough_trees, raw_prediction
from dq_pipeline.model.inference import Model
from dq_pipeline.model.intervals import calibrate, recency_weights
from dq_pipeline.model.labels import label_guard
from dq_pipeline.model.search import Clock, Progress, Trial, expanding_splits, no_time_passes, search, splits
from dq_pipeline.model.weights import refit_weights
from dq_pipeline.process import Process

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCKS = 5
MOST_CANDIDATES = 200
"""Tried at most where seconds are the budget."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """A fitted model and the account of how it came about.

    Attributes
    ----------
    model
        Fitted on every sample in `used`; its interval rests on predictions made before that, each by a model that had
        not seen the sample predicted.
    used
        Positions of the samples fitted on, in the rows given.
    weights
        (len(used),) their weights.
    calibrated
        Positions of the samples whose forward predictions calibrate the interval: the newest of `used`.
    forward, scores
        (len(calibrated),) these predictions, and how far off they were, as `intervals.calibrate` takes it.
    unlabelled, implausible
        How many of the rows given have no label, and how many the label guard dropped.
    trials
        The search, best first; empty if the candidate was given.
    candidate
        What the trees were fitted with.
    """

    model: Model
    used: Indices
    weights: Floats
    calibrated: Indices
    forward: Floats
    scores: Floats
    unlabelled: int
    implausible: int
    trials: tuple[Trial, ...]
    candidate: Candidate


def _silent(done: int, total: int, what: str) -> None:
    """Nobody watches."""


def train(
    features: Floats,
    target: Floats,
    process: Process,
    *,
    feature_names: tuple[str, ...],
    rng: np.random.Generator,
    candidate: Candidate | None = None,
    threads: int = 1,
    progress: Progress = _silent,
    clock: Clock | None = None,
) -> Training:
    """Train the model of a process on labelled history.

    The same rows, settings and state of `rng` give the same model, bit for bit; with `model.search_seconds` the
    machine's speed has a say in which candidates are tried, and the candidate that was chosen gives it again.

    Parameters
    ----------
    features : (n, k)
        In time order, oldest first; NaN is missing.
    target : (n,)
        Labels: the target's value, or the index of its class in ``process.target.classes``; NaN where there is none.
    candidate
        Tree settings to fit with, which skips the search: what a challenger was judged with before it is fitted once
        more with the block it was judged on.
    clock
        Seconds since any fixed moment, for `model.search_seconds`; without one `model.search` candidates are tried.

    Raises
    ------
    ConfigurationError
        If ``process.model.device`` is not there.
    DataError
        If fewer than ``process.model.min_samples`` usable labels remain, a class index is out of range, or only one
        class is present.
    """
    if features.ndim != 2 or features.shape != (len(target), len(feature_names)):
        expected = (len(target), len(feature_names))
        raise DataError(f"features of shape {expected} expected for these labels and names, found {features.shape}")
    settings, task = process.model, process.target.task
    check_device(settings.device)
    guarded = settings.label_guard and task == "regression"
    labelled = np.isfinite(target)
    used = np.flatnonzero(label_guard(target) if guarded else labelled)
    implausible = int(labelled.sum()) - len(used)
    if len(used) < settings.min_samples:
        raise DataError(
            f"at least {settings.min_samples} labelled samples expected (model.min_samples), found {len(used)} of "
            f"{len(target)} ({implausible} dropped by the label guard); wait for more labels or lower the setting"
        )
    fit = _Fit.of(features[used], target[used], process, int(rng.integers(2**31)), threads)
    trials: tuple[Trial, ...] = ()
    if candidate is None:
        timed = settings.search_seconds is not None and clock is not None
        trials = search(
            candidates(MOST_CANDIDATES if timed else settings.search, rng),
            fit.loss,
            splits(fit.target, task, rng),
            progress,
            seconds=settings.search_seconds if timed else None,
            clock=clock or no_time_passes,
        )
        candidate = fit.stopped(trials[0].candidate)
    calibrated, forward, scores = fit.forward(candidate, settings.coverage)
    calibration = calibrate(scores, settings.coverage, recency_weights(len(scores), settings.coverage))
    progress(1, 2, "calibrate")
    everything = np.arange(len(used))
    model = Model(
        booster=fit.booster(candidate, everything),
        task=task,
        feature_names=feature_names,
        classes=process.target.classes if task == "classification" else (),
        centre=fit.centre,
        scale=fit.scale,
        calibration=calibration,
        threads=threads,
    )
    progress(2, 2, "fit")
    # what a release says must be what it does: the model in use is the one its bytes give
    model = Model.from_bytes(model.to_bytes(), threads=threads)
    return Training(
        model=model,
        used=used,
        weights=fit.weights(everything),
        calibrated=used[calibrated],
        forward=forward,
        scores=scores,
        unlabelled=int(np.sum(~labelled)),
        implausible=implausible,
        trials=trials,
        candidate=candidate,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Usable samples in time order and what every fit on some of them shares."""

    features: Floats
    target: Floats
    process: Process
    seed: int
    threads: int
    centre: float
    scale: float

    @classmethod
    def of(cls, features: Floats, target: Floats, process: Process, seed: int, threads: int) -> _Fit:
        fit = cls(features, target, process, seed, threads, 0.0, 1.0)
        if process.target.task == "regression":
            centre, scale = float(np.mean(target)), float(np.std(target))
            return replace(fit, centre=centre, scale=scale if scale > 0.0 else 1.0)
        count = len(process.target.classes)
        if not np.isin(target, np.arange(count)).all():
            raise DataError(f"class indices 0 to {count - 1} expected in the target, found others")
        if len(np.unique(target)) < 2:
            raise DataError("samples of at least 2 classes expected, found 1; there is nothing to tell apart")
        return fit

    def weights(self, index: Indices) -> Floats:
        settings = self.process.model
        return refit_weights(settings.weights, np.arange(len(index))[::-1], settings.age_scale, settings.age_floor)

    def booster(self, candidate: Candidate, index: Indices) -> xgb.Booster:
        return boost(
            self.features[index],
            (self.target[index] - self.centre) / self.scale,
            self.weights(index),
            candidate,
            task=self.process.target.task,
            classes=len(self.process.target.classes),
            trees=self.process.model.trees,
            seed=self.seed,
            threads=self.threads,
            device=self.process.model.device,
        )

    def stopped(self, candidate: Candidate) -> Candidate:
        """With the number of trees that predict the newest fifth best, where the process file asks for it."""
        settings, held = self.process.model, len(self.target) // 5
        if settings.early_stopping is None or not held:
            return candidate
        trees = enough_trees(
            self.features,
            (self.target - self.centre) / self.scale,
            self.weights(np.arange(len(self.target) - held)),
            held,
            candidate,
            task=self.process.target.task,
            classes=len(self.process.target.classes),
            trees=settings.trees,
            patience=settings.early_stopping,
            seed=self.seed,
            threads=self.threads,
            device=settings.device,
        )
        return {**candidate, "trees": trees}

    def scores(self, candidate: Candidate, fitted: Indices, held: Indices) -> Floats:
        """Absolute residuals, or 1 - probability of the true class, of samples not fitted on."""
        return self._predicted(candidate, fitted, held)[1]

    def _predicted(self, candidate: Candidate, fitted: Indices, held: Indices) -> tuple[Floats, Floats]:
        """Values, or indices of the likeliest class, of samples not fitted on, and their scores."""
        raw = raw_prediction(self.booster(candidate, fitted), self.features[held])
        if self.process.target.task == "regression":
            value = self.centre + self.scale * raw
            return value, np.abs(self.target[held] - value)
        true = raw[np.arange(len(held)), self.target[held].astype(np.int64)]
        return np.argmax(raw, axis=1).astype(np.float64), np.asarray(1.0 - true, dtype=np.float64)

    def loss(self, candidate: Candidate, fitted: Indices, held: Indices) -> float:
        scores = self.scores(candidate, fitted, held)
        if self.process.target.task == "classification":
            return float(-np.mean(np.log(np.maximum(1.0 - scores, 1e-6))))
        if self.process.promotion.metric == "mae":
            return float(np.mean(scores))
        return float(np.sqrt(np.mean(scores**2)))

    def forward(self, candidate: Candidate, coverage: float) -> tuple[Indices, Floats, Floats]:
        """The newest samples, what models of the samples before say of them, and their scores."""
        n = len(self.target)
        held = min(n // 2, round(20 / (1.0 - coverage)))
        found = [self._predicted(candidate, older, block) for older, block in expanding_splits(n, BLOCKS, held)]
        values, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return np.arange(n - held, n), values, scores
