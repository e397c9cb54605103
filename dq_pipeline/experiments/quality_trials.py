"""Training recordings of which a fifth is spoilt, and clean ones that come later: what a quality score is judged on."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.data import available, batch_of, recordings
from dq_pipeline.experiments.digits import digits
from dq_pipeline.experiments.experiment import Asked
from dq_pipeline.process import Process
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.recording import Recording
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import FAULTS, with_spoilt_labels
from dq_pipeline.steps.reference import curated, fit_scorer_on, with_faults
from dq_pipeline.steps.sweep import trial_error

Floats = NDArray[np.float64]

TRAINED, JUDGED, FAULTY = 300, 100, 0.2


Mapper = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]
"""Does a function for every seed, in order."""


@contextmanager
def over_seeds(seeds: int) -> Iterator[Mapper]:
    """`map` on all cores; a single seed needs no other process."""
    if seeds == 1:
        yield map
        return
    # started anew: a fork of a process that has fitted trees may wait for threads that it does not have
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        yield pool.map


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A process, its labelled recordings, and the true label (n,) of each."""

    name: str
    process: Process
    found: list[Recording]
    labels: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One stretch of a source.

    Attributes
    ----------
    dirty, labels : (n,)
        Training samples in stream order, and their labels as they come.
    faulty : (n,)
        Which of them were spoilt.
    later, truth : (m,)
        Clean samples after them, and their true labels.
    """

    process: Process
    dirty: SampleBatch
    labels: Floats
    faulty: NDArray[np.bool_]
    later: SampleBatch
    truth: Floats

    def error(self, kept: NDArray[np.bool_]) -> float:
        """Of a model fitted on some of the training samples: mean absolute error, or share of wrong classes."""
        chosen = np.flatnonzero(kept & np.isfinite(self.labels))
        return trial_error(self.dirty.take(chosen), self.labels[chosen], self.later, self.truth, self.process)

    def scorer(self, rng: np.random.Generator) -> tuple[QualityScorer, SampleBatch]:
        """A direct scorer on a reference curated from these very samples, and the samples that curation keeps."""
        chosen = self.dirty.take(curated(self.process, self.dirty, rng))
        return fit_scorer_on(self.process, chosen, with_faults(self.process, chosen, rng), rng), chosen


def sources(asked: Asked) -> list[Source]:
    """Every process at hand, and the digits."""
    found = []
    for name in available(asked):
        process, recorded = recordings(asked, name)
        batch = batch_of(process, recorded)
        known = dict(zip(batch.ids, batch.target, strict=True))
        kept = [one for one in recorded if np.isfinite(known.get(one.sample_id, np.nan))]
        found.append(Source(name, process, kept, np.array([known[one.sample_id] for one in kept])))
    process, pictures, said = digits()
    return [*found, Source("digits", process, pictures, np.array(said, np.float64))]


def trial(source: Source, seed: int, seeds: int, kinds: Sequence[str] = tuple(FAULTS)) -> Trial:
    """The stretch that belongs to a seed, spoilt by faults of these kinds; labels carry them too."""
    rng = np.random.default_rng(seed)
    begin = int(np.linspace(0, len(source.found) - TRAINED - JUDGED, seeds + 1)[seed])
    chosen = slice(begin, begin + TRAINED + JUDGED)
    found, truth = source.found[chosen], source.labels[chosen]
    column = str(source.process.target.column)
    spoilt, bad = with_spoilt_labels(found[:TRAINED], column, FAULTY, rng, kinds)
    dirty, later = batch_of(source.process, spoilt), batch_of(source.process, found[TRAINED:])
    labels = dirty.target
    if source.process.target.task == "classification":
        wrong = (truth[:TRAINED] + rng.integers(1, len(source.process.target.classes), TRAINED)) % 10
        labels = _by_id(dirty, spoilt, np.where(bad, wrong, truth[:TRAINED]))
    faulty = _by_id(dirty, spoilt, bad.astype(np.float64)) > 0.5
    return Trial(source.process, dirty, labels, faulty, later, _by_id(later, found, truth))


def _by_id(batch: SampleBatch, found: Sequence[Recording], values: Floats) -> Floats:
    known = dict(zip((one.sample_id for one in found), values, strict=True))
    return np.array([known[name] for name in batch.ids])
