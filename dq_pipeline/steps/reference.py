"""Fit the two quality scorers of a release: on horizon rows for the answer, on profile rows for the recording."""

from __future__ import annotations

import numpy as np

from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
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


def fit_scorers(process: Process, clean: SampleBatch, rng: np.random.Generator) -> dict[Scope, QualityScorer]:
    """References and scorers of both scopes, from samples in hand."""
    faulty = with_faults(process, clean, rng)
    scorers: dict[Scope, QualityScorer] = {}
    for scope, reference in fit_references(process, clean).items():
        as_is, spoilt = (profile(batch.head(reference.rows), reference) for batch in (clean, faulty))
        scorers[scope] = fit_scorer(process, reference, as_is, spoilt, rng)
    return scorers
