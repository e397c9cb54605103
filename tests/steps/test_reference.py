from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.unified import over_sensors
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import faulted
from dq_pipeline.steps.reference import curated, fit_learned, fit_scorers

FILE = {
    "process": "small",
    "title": "Small",
    "stream": {"topic": "t", "labels_topic": "l"},
    "sample": {"rows": 60, "period_s": 1, "horizon_rows": 12, "profile_rows": 60},
    "sensors": {name: {"unit": "bar", "range": [-90, 90]} for name in ("a", "b")},
    "target": {"name": "y", "from": "labels"},
    "history": {},
}


def samples(values: np.ndarray) -> SampleBatch:
    n, rows, _ = values.shape
    return SampleBatch(
        sensors=("a", "b"),
        ids=tuple(f"s{i}" for i in range(n)),
        sources=("rig",) * n,
        start=np.datetime64("2026-01-01", "us") + np.arange(n),
        values=values,
        received=np.full(n, rows),
        disordered=np.zeros(n, np.int64),
        target=np.full(n, np.nan),
    )


@pytest.fixture(scope="module")
def clean() -> SampleBatch:
    return samples(np.random.default_rng(0).normal(0, 1, (120, 60, 2)))


def test_the_horizon_has_allowances_of_its_own(clean):
    scorers = fit_scorers(Process.model_validate(FILE), clean, np.random.default_rng(1))
    horizon, completion = scorers["horizon"], scorers["completion"]
    assert (horizon.reference.rows, completion.reference.rows) == (12, 60)
    fresh = samples(np.random.default_rng(2).normal(0, 1, (50, 60, 2)))
    early = horizon.score(profile(fresh.head(12), horizon.reference))
    assert np.median(early.unified) > 0.9
    assert not np.allclose(horizon.allowances, completion.allowances)
    shown = profile(clean.head(12), horizon.reference)
    missed = 1.0 - over_sensors(horizon.measure(shown), horizon.reference.known)
    np.testing.assert_allclose(horizon.allowances, np.quantile(missed, 0.95, axis=0), atol=1e-12)


def test_the_first_rows_of_a_disordered_recording_are_as_disordered_as_the_whole(clean):
    late = replace(clean, disordered=np.full(120, 6)).head(12)
    np.testing.assert_allclose(late.disordered / late.received, 0.1, atol=0.02)
    assert (clean.head(60).disordered == 0).all()


def test_a_dirty_reference_is_curated_unless_the_process_file_says_no(clean):
    process = Process.model_validate(FILE)
    dirty = faulted(clean, process, np.random.default_rng(4), share=0.2)
    spoilt = (dirty.values != clean.values).any(axis=(1, 2)) | (dirty.disordered > 0)
    kept = curated(process, dirty, np.random.default_rng(0))
    assert spoilt[~kept].mean() > 0.8
    assert 0.1 <= (~kept).mean() <= 0.25
    plain = Process.model_validate({**FILE, "quality": {"curate": False}})
    assert curated(plain, dirty, np.random.default_rng(0)).all()


def test_a_learned_scorer_is_fitted_where_it_is_asked_for(clean):
    process = Process.model_validate(FILE)
    direct = fit_scorers(process, clean, np.random.default_rng(1))["completion"]
    assert fit_learned(process, direct, clean, np.random.default_rng(2)) is None
    asking = Process.model_validate({**FILE, "quality": {"scorer": "learned"}})
    learned = fit_learned(asking, direct, clean, np.random.default_rng(2))
    assert learned is not None
    assert learned.samples == 3 * 120
    assert fit_learned(asking, direct, clean.take(np.arange(0)), np.random.default_rng(2)) is None
