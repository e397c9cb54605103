from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import GOOD, MOST, curate, in_windows, keep
from dq_pipeline.quality.scorer import QualityScorer


@given(unified=arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)))
def test_never_more_than_a_quarter_and_never_a_good_one(unified):
    kept = keep(unified)
    assert (~kept).sum() <= np.ceil(MOST * len(unified))
    assert kept[unified >= GOOD].all()
    assert kept.any()
    assert unified[kept].min() >= unified[~kept].max(initial=0.0)


@pytest.fixture(scope="module")
def fitting(make_batch, make_process, inject, spread):
    """A stream of which the first 200 samples are the reference, and how to fit on some of them."""
    values = np.random.default_rng(5).normal(0, 1, (400, 60, 3))
    clean = make_batch(values)

    def of(batch):
        def fit(kept):
            chosen = batch.take(kept)
            reference = Reference.fit(chosen, make_process(3, 60))
            faulty, _ = inject(chosen, 0.2, spread(chosen), np.random.default_rng(1))
            return QualityScorer.fit(
                reference, profile(chosen, reference), profile(faulty, reference), rng=np.random.default_rng(2)
            )

        return fit, lambda scorer: in_windows(scorer, profile(batch, scorer.reference))

    return clean, of


def test_a_dirty_reference_is_mended_and_it_is_said_how_much_was_dropped(fitting, inject, spread):
    clean, of = fitting
    rng = np.random.default_rng(3)
    dirty, faulty = inject(clean.take(np.arange(200)), 0.2, spread(clean), rng)
    later, wrong = inject(clean.take(np.arange(200, 400)), 0.2, spread(clean), rng)
    fit, score = of(dirty)
    blunt, sharp = curate(fit, score, 200, rounds=0), curate(fit, score, 200)
    assert blunt.dropped == 0
    assert 20 <= sharp.dropped <= 50
    assert faulty[~sharp.kept].mean() > 0.8
    before, after = (
        roc_auc_score(wrong, -in_windows(one.scorer, profile(later, one.scorer.reference))) for one in (blunt, sharp)
    )
    assert after > before


def test_a_clean_reference_stays_whole(fitting):
    clean, of = fitting
    fit, score = of(clean.take(np.arange(200)))
    assert curate(fit, score, 200).dropped <= 6
