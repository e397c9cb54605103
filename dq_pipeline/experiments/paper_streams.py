"""The streams of the published experiments: a fifth of the recordings spoilt, with drift and without.

The pump-down's pumps wear from the middle of the stream on, over 200 recordings. The recorded processes drift by
themselves; in their control the recordings stand in random order, so that no part of the stream differs from another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.data import RECORDED, available, batch_of, recordings
from dq_pipeline.experiments.experiment import Asked
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.quality.curate import in_windows
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.recording import Recording
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import with_spoilt_labels
from dq_pipeline.simulate.vacuum import VacuumDrift
from dq_pipeline.steps.reference import curated, fit_scorer_on, with_faults

Floats = NDArray[np.float64]

HISTORY, STEPS, FAULTY, WEAR_OVER = 300, 1000, 0.2, 200


@dataclass(frozen=True, slots=True, eq=False)
class PaperStream:
    """One stream in time order.

    Attributes
    ----------
    batch
        As it comes: inputs and labels of a fifth of it are spoilt.
    truth : (n,)
        The labels as they were.
    unified : (n,)
        Quality scores, by a scorer that was fitted on the history.
    history
        Samples learned from first.
    scoring_s
        Seconds that scoring everything after the history took.
    """

    name: str
    drifting: bool
    process: Process
    batch: SampleBatch
    truth: Floats
    unified: Floats
    history: int
    scoring_s: float

    @property
    def label(self) -> str:
        """For tables."""
        return self.name if self.drifting else f"{self.name}, no drift"

    def learned_from(self, cut: float) -> SampleBatch:
        """The batch with the labels of samples under a cut left out: they are predicted, and not learned from."""
        kept = np.where(self.unified >= cut, self.batch.target, np.nan)
        return replace(self.batch, target=kept)

    def excluded(self, cut: float) -> float:
        """Share of the stream after the history under the cut."""
        return float((self.unified[self.history :] < cut).mean())


def streams(asked: Asked) -> Iterator[PaperStream]:
    """Every process with its drift, and its control."""
    history, steps = (150, 150) if asked.quick else (HISTORY, STEPS)
    for name in available(asked):
        for drifting in (True, False):
            yield _stream(asked, name, history, steps, drifting=drifting)


def _stream(asked: Asked, name: str, history: int, steps: int, *, drifting: bool) -> PaperStream:
    rng = np.random.default_rng(0)
    wear = VacuumDrift(history + steps // 2, "wear", 1.0, over=min(WEAR_OVER, steps // 2)) if drifting else None
    process, found = recordings(asked, name, history + steps, drift=wear if name not in RECORDED else None)
    if name in RECORDED and not drifting:
        found = _shuffled(found, rng)
    spoilt, _ = with_spoilt_labels(found, str(process.target.column), FAULTY, rng)
    batch, clean = batch_of(process, spoilt), batch_of(process, found)
    labels = dict(zip(clean.ids, clean.target, strict=True))
    truth = np.array([labels[one] for one in batch.ids])
    scorer, first = _scorer(process, batch.between(0, history), rng)
    began = time.perf_counter()
    later = _profiled(batch.between(history, len(batch)), scorer)
    unified = in_windows(scorer, Profile.concat([first, later]))
    share = (len(batch) - history) / len(batch)
    seconds = (time.perf_counter() - began) * share
    return PaperStream(name, drifting, process, batch, truth, unified, history, seconds)


def _scorer(process: Process, known: SampleBatch, rng: np.random.Generator) -> tuple[QualityScorer, Profile]:
    """A scorer on the history, curated because a fifth of it is spoilt; and the history's profiles."""
    chosen = known.take(curated(process, known, rng))
    scorer = fit_scorer_on(process, chosen, with_faults(process, chosen, rng), rng)
    return scorer, _profiled(known, scorer)


def _profiled(batch: SampleBatch, scorer: QualityScorer) -> Profile:
    return profile(batch.head(scorer.reference.rows), scorer.reference)


def _shuffled(found: list[Recording], rng: np.random.Generator) -> list[Recording]:
    """The same recordings, each at another's time."""
    places = sorted(found, key=lambda one: one.start)
    order = rng.permutation(len(found))
    return [
        replace(found[i], start=place.start, sample_id=place.sample_id) for i, place in zip(order, places, strict=True)
    ]
