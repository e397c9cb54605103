"""Fit the two quality scorers of a release: on horizon rows for the answer, on profile rows for the recording."""

from __future__ import annotations

import numpy as np
from dq_pipeline.simulate.faults import faulted

from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.samples import SampleBatch

FAULTY_SHARE = 0.2


def fit_scorers(process: Process, clean: SampleBatch, rng: np.random.Generator) -> tuple[QualityScorer, QualityScorer]:
    """Scorers of horizon rows and of profile rows, each with its own reference and allowances."""
    faulty = faulted(clean, process, share=FAULTY_SHARE, rng=rng)
    rows = (process.sample.horizon_rows, process.sample.profile_rows)
    horizon, completion = (_fit(process, clean.head(count), faulty.head(count)) for count in rows)
    return horizon, completion


def _fit(process: Process, clean: SampleBatch, faulty: SampleBatch) -> QualityScorer:
    reference = Reference.fit(clean, process)
    return QualityScorer.fit(
        reference,
        profile(clean, reference),
        profile(faulty, reference),
        unifier=process.quality.unifier,
        window=process.quality.window,
    )
