from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.process import Process
from dq_pipeline.quality.threshold import choose
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.sweep import sweep_threshold

FILE = {
    "process": "small",
    "title": "Small",
    "stream": {"topic": "t", "labels_topic": "l"},
    "sample": {"rows": 20, "period_s": 1, "horizon_rows": 12, "profile_rows": 20},
    "sensors": {name: {"unit": "bar", "range": [-90, 90]} for name in ("a", "b")},
    "target": {"name": "y", "column": "y", "rows": [12, 20]},
    "quality": {"threshold": "sweep"},
    "model": {"trees": 30, "label_guard": False},
    "history": {"uri": "history.parquet", "id": "id"},
}


@pytest.fixture
def history() -> tuple[SampleBatch, np.ndarray, np.ndarray]:
    """240 samples whose mean is the target; three in ten score low, and their labels are worthless."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (240, 20, 2)) + rng.normal(0, 3, (240, 1, 2))
    target = values[:, :, 0].mean(axis=1)
    bad = rng.random(240) < 0.3
    batch = SampleBatch(
        sensors=("a", "b"),
        ids=tuple(f"s{i}" for i in range(240)),
        sources=("rig",) * 240,
        start=np.datetime64("2026-01-01", "us") + np.arange(240),
        values=values,
        received=np.full(240, 20),
        disordered=np.zeros(240, np.int64),
        target=target,
    )
    unified = np.where(bad, rng.uniform(0.3, 0.5, 240), rng.uniform(0.6, 1.0, 240))
    return batch, np.where(bad, target + rng.normal(0, 20, 240), target), unified


def test_finds_the_threshold_that_keeps_worthless_labels_out(history):
    batch, target, unified = history
    process = Process.model_validate(FILE)
    newest = unified.copy()
    newest[180:] = 1.0  # what is judged on is the same for every threshold, and to be believed
    target = np.where(np.arange(240) < 180, target, batch.target)
    trials = sweep_threshold(batch, target, newest, process)
    assert 0.5 <= choose(trials, otherwise=0.0) <= 0.6
    assert {trial.threshold for trial in trials if trial.retained < 0.5} == set()


def test_the_floor_of_retained_volume_holds(history):
    batch, target, unified = history
    process = Process.model_validate({**FILE, "quality": {"threshold": "sweep", "min_retained": 0.9}})
    assert choose(sweep_threshold(batch, target, unified, process), otherwise=0.1) <= 0.25


def test_few_labels_are_no_ground_for_a_choice(history):
    batch, target, unified = history
    target[39:] = np.nan
    assert sweep_threshold(batch, target, unified, Process.model_validate(FILE)) == ()
