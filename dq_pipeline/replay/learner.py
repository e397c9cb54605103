"""The model of a replay: what a release's model is, fitted as a refit fits it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.model.boosting import Candidate
from dq_pipeline.model.features import Features
from dq_pipeline.model.inference import Model, Prediction
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.training_data import MOST_SAMPLES


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """A model and what it takes to fit the next one.

    Attributes
    ----------
    candidate
        Settings of the trees; None: each fit searches for them, as a deployment's does.
    """

    process: Process
    candidate: Candidate | None
    seed: int
    features: Features
    model: Model

    @classmethod
    def on(cls, batch: SampleBatch, process: Process, until: int, *, candidate: Candidate | None, seed: int) -> Learner:
        """Learn from the labelled samples before `until`.

        Raises
        ------
        DataError
            If there are too few.
        """
        return cls(process, candidate, seed, *_fit(batch, process, until, candidate, seed))

    def refitted(self, batch: SampleBatch, until: int) -> Learner:
        """Learn anew; where too few labels are known, what there is goes on."""
        try:
            features, model = _fit(batch, self.process, until, self.candidate, self.seed)
        except DataError:
            return self
        return replace(self, features=features, model=model)

    def predict(self, batch: SampleBatch, first: int, until: int) -> Prediction:
        """What the model says of the samples ``first <= number < until``; it sees their horizon rows only."""
        return self.model.predict(self.features.transform(batch.take(np.arange(first, until))))


def _fit(
    batch: SampleBatch, process: Process, until: int, candidate: Candidate | None, seed: int
) -> tuple[Features, Model]:
    known: NDArray[np.int64] = np.flatnonzero(np.isfinite(batch.target[: max(until, 0)]))[-MOST_SAMPLES:]
    chosen = batch.head(process.sample.horizon_rows).take(known)
    features = Features.fit(chosen, process.sample.horizon_rows)
    training = train(
        features.transform(chosen),
        chosen.target,
        process,
        feature_names=features.names,
        rng=rng_of(f"replay/{seed}/{until}"),
        candidate=candidate,
    )
    return features, training.model
