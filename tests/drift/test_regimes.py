from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.drift.regimes import LEAST_SAMPLES, SIGNIFICANCE, Candidate, recognise
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.samples import SampleBatch

PROCESS = Process.model_validate(
    {
        "process": "small",
        "title": "Small",
        "stream": {"topic": "s", "labels_topic": "l"},
        "sample": {"rows": 20, "period_s": 1, "horizon_rows": 10, "profile_rows": 20},
        "sensors": {name: {"unit": "bar", "range": [-100, 100]} for name in ("a", "b")},
        "target": {"name": "y", "from": "labels"},
        "history": {"uri": "x.parquet", "id": "id"},
    }
)


def _samples(n, rng, shift=0.0):
    values = rng.normal(size=(n, 1, 2)) + 0.5 * rng.normal(size=(n, 20, 2)) + np.array([shift, 0.0])
    return SampleBatch(
        sensors=("a", "b"),
        ids=tuple(map(str, range(n))),
        sources=("rig",) * n,
        start=np.datetime64("2026-01-01", "us") + np.arange(n),
        values=values,
        received=np.full(n, 20),
        disordered=np.zeros(n, np.int64),
        target=np.full(n, np.nan),
    )


def _candidate(name, past, present):
    bins = Reference.fit(past, PROCESS)
    return Candidate(name, profile(past, bins), profile(present, bins))


def test_the_regime_that_returned_is_the_one_that_is_recognised():
    rng = np.random.default_rng(0)
    present = _samples(30, rng)
    candidates = [
        _candidate("shifted", _samples(120, rng, 2.0), present),
        _candidate("same", _samples(120, rng), present),
    ]
    found = recognise(candidates, rng=rng)
    assert found is not None
    assert found.name == "same"
    assert found.p > SIGNIFICANCE
    assert recognise(candidates[:1], rng=rng) is None


def test_a_true_return_is_missed_as_seldom_as_promised():
    rng = np.random.default_rng(1)
    past = _samples(150, rng)
    missed = sum(
        recognise([_candidate("same", past, _samples(30, rng))], rng=rng, draws=100) is None for _ in range(60)
    )
    assert missed <= 10  # 3 expected; more than 10 of 60 at 5 % would come once in ten thousand times


@pytest.mark.parametrize(("past", "present"), [(LEAST_SAMPLES - 1, 40), (120, LEAST_SAMPLES - 1)])
def test_too_few_samples_tell_nothing(past, present):
    rng = np.random.default_rng(2)
    assert recognise([_candidate("same", _samples(past, rng), _samples(present, rng))], rng=rng) is None


def test_without_a_past_nothing_is_recognised():
    assert recognise([], rng=np.random.default_rng(0)) is None
