"""Fit the two quality scorers of a release: on horizon rows for the answer, on profile rows for the recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.quality.curate import ROUNDS, Curated, curate, in_windows
from dq_pipeline.quality.learned import COPIES, MUTATED, LearnedScorer
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.samples import SampleBatch, Scope
from dq_pipeline.simulate.faults import faulted

FAULTY_SHARE = 0.2
SCOPES: tuple[Scope, Scope] = ("horizon", "completion")


def rows_of(process: Process, scope: Scope) -> int:
    """Rows that a scope's scorer looks at."""
    return process.sample.horizon_rows if scope == "horizon" else process.sample.profile_rows


def with_faults(process: Process, clean: SampleBatch, rng: np.random.Generator) -> SampleBatch:
    """The same samples, a fifth of them with injected faults."""
    return faulted(clean, process, share=FAULTY_SHARE, rng=rng)


def fit_references(process: Process, clean: SampleBatch) -> dict[Scope, Reference]:
    """Reference bins of both scopes."""
    return {scope: Reference.fit(clean.head(rows_of(process, scope)), process) for scope in SCOPES}


def fit_scorer(
    process: Process, reference: Reference, clean: Profile, faulty: Profile, rng: np.random.Generator
) -> QualityScorer:
    """A scorer with the unifier and the window that the process file names."""
    quality = process.quality
    return QualityScorer.fit(reference, clean, faulty, rng=rng, unifier=quality.unifier, window=quality.window)


def fit_scorer_on(
    process: Process, clean: SampleBatch, faulty: SampleBatch, rng: np.random.Generator, scope: Scope = "completion"
) -> QualityScorer:
    """A scorer on a reference of its own: `clean` is the reference, `faulty` the same samples with faults."""
    reference = Reference.fit(clean.head(rows_of(process, scope)), process)
    as_is, spoilt = (profile(batch.head(reference.rows), reference) for batch in (clean, faulty))
    return fit_scorer(process, reference, as_is, spoilt, rng)


def fit_scorers(process: Process, clean: SampleBatch, rng: np.random.Generator) -> dict[Scope, QualityScorer]:
    """References and scorers of both scopes, from samples in hand."""
    faulty = with_faults(process, clean, rng)
    return {scope: fit_scorer_on(process, clean, faulty, rng, scope) for scope in SCOPES}


def curated(process: Process, samples: SampleBatch, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which samples (n,) belong to the reference: all of them unless the process file has them curated.

    Recordings are judged whole, whatever scope the reference is for.
    """
    if not process.quality.curate:
        return np.ones(len(samples), np.bool_)

    def fit(kept: NDArray[np.bool_]) -> QualityScorer:
        chosen = samples.take(kept)
        return fit_scorer_on(process, chosen, with_faults(process, chosen, rng), rng)

    def score(scorer: QualityScorer) -> NDArray[np.float64]:
        return in_windows(scorer, profile(samples.head(scorer.reference.rows), scorer.reference))

    return curate(fit, score, len(samples)).kept


def curated_history(
    process: Process, reference: Reference, clean: Profile, faulty: Profile, rng: np.random.Generator
) -> Curated:
    """The completion scorer on given bins, from the samples of history that curation keeps."""
    return curate(
        lambda kept: fit_scorer(process, reference, clean.take(kept), faulty.take(kept), rng),
        lambda scorer: in_windows(scorer, clean),
        len(clean),
        rounds=ROUNDS if process.quality.curate else 0,
    )


def fit_learned(
    process: Process, direct: QualityScorer, clean: SampleBatch, rng: np.random.Generator
) -> LearnedScorer | None:
    """A scorer that learned from the completion scorer; None unless the process file asks for one."""
    if process.quality.scorer != "learned" or not len(clean):
        return None
    shown = clean.head(direct.reference.rows)
    copies = [faulted(shown, process, share=MUTATED, rng=rng) for _ in range(COPIES)]
    return LearnedScorer.fit(direct, shown, copies, rng)
