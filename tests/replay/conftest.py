"""A small process whose sensors, and what they say of the target, change with its regime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch

ROWS, SENSORS = 12, ("a", "b")
LEVEL = {"A": (0.0, 0.0), "B": (3.0, -2.0), "C": (-4.0, 1.0)}
SLOPE = {"A": 1.0, "B": -1.0, "C": 2.0}


@pytest.fixture
def small() -> Process:
    return Process.model_validate(
        {
            "process": "small",
            "title": "Small",
            "stream": {"topic": "small.samples", "labels_topic": "small.labels"},
            "sample": {"rows": ROWS, "period_s": 1, "horizon_rows": 8, "profile_rows": ROWS},
            "sensors": {name: {"unit": "bar", "range": [-100, 100]} for name in SENSORS},
            "target": {"name": "y", "unit": "bar", "column": "y", "rows": [8, 12]},
            "history": {"uri": "history.parquet", "id": "id", "time": "t_s", "samples": 60},
            "model": {"trees": 8, "search": 1, "min_samples": 20},
            "drift": {"worlds": 10, "world_length": 100, "refit_after": 40},
        }
    )


@pytest.fixture
def regimes() -> Callable[..., SampleBatch]:
    """Samples of regimes one after the other: "AAB", so many samples each."""

    def make(letters: str, each: int = 60, seed: int = 0) -> SampleBatch:
        rng = np.random.default_rng(seed)
        names = [letter for letter in letters for _ in range(each)]
        n = len(names)
        inner = rng.normal(size=n)
        level = np.array([LEVEL[name] for name in names])
        values = level[:, None, :] + inner[:, None, None] + 0.3 * rng.normal(size=(n, ROWS, len(SENSORS)))
        target = np.array([SLOPE[name] for name in names]) * inner + level[:, 0] + 0.05 * rng.normal(size=n)
        return SampleBatch(
            sensors=SENSORS,
            ids=tuple(f"s{i:04d}" for i in range(n)),
            sources=("rig",) * n,
            start=np.datetime64("2026-01-01", "us") + np.arange(n) * np.timedelta64(60, "s"),
            values=values,
            received=np.full(n, ROWS),
            disordered=np.zeros(n, np.int64),
            target=target,
        )

    return make
