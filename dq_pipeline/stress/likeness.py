"""A synthetic stream in the place of the recorded one, and how far it is like it without holding any of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dq_pipeline.model.evaluation import window_error
from dq_pipeline.process import Process
from dq_pipeline.replay.learner import Learner
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.synthetic import ProcessModel, distances
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.stress.bench import check_room


@dataclass(frozen=True, slots=True)
class Likeness:
    """Synthetic recordings beside real ones that they were not made from.

    Attributes
    ----------
    nearest, nearest_held
        Least distance of a synthetic recording, and of a later real one, to those the model was made from; root mean
        square over the levels, in standard deviations.
    limit
        Nearer than this no synthetic recording may lie.
    median, median_held
        The same distances in the middle.
    error, error_real
        Error on later real recordings of a model that learned from synthetic ones alone, and from real ones.
    """

    nearest: float
    nearest_held: float
    limit: float
    median: float
    median_held: float
    error: float | None
    error_real: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def synthetic(batch: SampleBatch, process: Process, history: int, *, seed: int = 0) -> tuple[SampleBatch, Likeness]:
    """As many recordings as there are, drawn from a model of the first `history`.

    Raises
    ------
    DataError
        If the history is too short, leaves too few samples after it, or no room between its recordings.
    """
    check_room(len(batch), history)
    past, later = batch.between(0, history), batch.between(history, len(batch))
    model = ProcessModel.fit(past, classes=len(process.target.classes))
    gaps = np.diff(batch.start).astype("timedelta64[us]").astype(np.float64) / 1e6
    every_s = float(np.median(gaps)) if len(gaps) else 1.0
    drawn = model.draw(len(batch), rng_of(f"synthetic/{seed}"), start=batch.start[0], every_s=max(every_s, 1e-6))
    near, held = (distances(model.standardised(one), model.real) for one in (drawn, later))
    errors = []
    for source in (drawn, batch):
        learner = Learner.on(source, process, history, candidate={}, seed=seed)
        said = learner.predict(later, 0, len(later))
        errors.append(window_error(later.target, said.value, process.target.task))
    return drawn, Likeness(
        nearest=float(near.min()),
        nearest_held=float(held.min()),
        limit=model.near,
        median=float(np.median(near)),
        median_held=float(np.median(held)),
        error=errors[0],
        error_real=errors[1],
    )
