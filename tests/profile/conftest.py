"""Small processes and batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch

MakeBatch = Callable[[NDArray[np.float64]], SampleBatch]
MakeProcess = Callable[..., Process]


@pytest.fixture(scope="session")
def make_batch() -> MakeBatch:
    def build(values: NDArray[np.float64]) -> SampleBatch:
        n, rows, f = values.shape
        return SampleBatch(
            sensors=tuple(f"s{j}" for j in range(f)),
            ids=tuple(f"{i:04d}" for i in range(n)),
            sources=("test",) * n,
            start=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(n) * np.timedelta64(60, "s"),
            values=values,
            received=np.full(n, rows),
            disordered=np.zeros(n, np.int64),
            target=np.full(n, np.nan),
        )

    return build


@pytest.fixture(scope="session")
def make_process() -> MakeProcess:
    def build(sensors: int, rows: int, rules: tuple[str, ...] = (), limit: float = 3.0) -> Process:
        return Process.model_validate(
            {
                "process": "test",
                "title": "Test",
                "stream": {"topic": "t", "labels_topic": "l"},
                "sample": {"rows": rows, "period_s": 1, "horizon_rows": rows, "profile_rows": rows},
                "sensors": {f"s{j}": {"unit": "bar", "range": [-limit, limit]} for j in range(sensors)},
                "rules": rules,
                "target": {"name": "y", "from": "labels"},
                "history": {},
            }
        )

    return build
