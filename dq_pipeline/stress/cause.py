"""What triage says of a stretch of history that no ledger knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.features import Features
from dq_pipeline.process import Process
from dq_pipeline.replay.learner import Learner
from dq_pipeline.samples import SampleBatch
from dq_pipeline.triage.case import Case, Stretch
from dq_pipeline.triage.rank import rank

Floats = NDArray[np.float64]

MOST_BEFORE = 300
HELD = 0.3
"""Share of the history, the newest, that is answered by a model of what was before it: what errors are usual."""
RELEASE = "1"


@dataclass(frozen=True, slots=True)
class Named:
    """A cause and what it is about; both empty where too little has come to tell."""

    cause: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Value, lower and upper (n,) of answers; NaN where there is none."""

    value: Floats
    lower: Floats
    upper: Floats


def named(process: Process, before: Stretch, since: Stretch, begin: int) -> Named:
    """The likeliest cause.

    Parameters
    ----------
    before
        Samples while all was well, the newest before `since`.
    begin
        Place in `since` of the first one thought to be changed.
    """
    verdict = rank(Case(process, before, since, int(np.clip(begin, 0, max(len(since) - 1, 0)))))
    if verdict.waiting or verdict.first is None:
        return Named()
    return Named(str(verdict.first.cause), verdict.first.subject)


def usual_answers(past: SampleBatch, process: Process, seed: int) -> Answers:
    """Answers to the newest part of the history, by a model that learned from the rest of it."""
    cut = round((1.0 - HELD) * len(past))
    learner = Learner.on(past, process, cut, candidate={}, seed=seed)
    said = learner.predict(past, cut, len(past))
    return Answers(*(np.concatenate([np.full(cut, np.nan), part]) for part in (said.value, said.lower, said.upper)))


def stretch(
    batch: SampleBatch, answers: Answers, dimensions: Floats, features: Features, early: Floats, first: int
) -> Stretch:
    """Samples numbered from `first` on, as a case has them.

    Parameters
    ----------
    early : (n, H, f)
        The horizon rows as the model saw them.
    """
    n = len(batch)
    return Stretch(
        number=np.arange(first, first + n),
        values=batch.values,
        target=batch.target,
        value=answers.value,
        lower=answers.lower,
        upper=answers.upper,
        release=tuple(RELEASE if np.isfinite(value) else "" for value in answers.value),
        dimensions=dimensions,
        late=np.full(n, np.nan),
        source=batch.sources,
        metadata=tuple(batch.metadata),
        features=features.matrix(early),
        labels=((),) * n,
        disordered=batch.late_share,
    )
