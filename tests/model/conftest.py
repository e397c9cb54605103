"""A small process and small histories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch


@pytest.fixture
def make_process() -> Callable[..., Process]:
    def make(target: dict[str, Any] | None = None, **sections: dict[str, Any]) -> Process:
        return Process.model_validate(
            {
                "process": "small",
                "title": "Small",
                "stream": {"topic": "small.samples", "labels_topic": "small.labels"},
                "sample": {"rows": 12, "period_s": 1, "horizon_rows": 8, "profile_rows": 12},
                "sensors": {name: {"unit": "bar", "range": [-100, 100]} for name in ("a", "b")},
                "target": target or {"name": "y", "column": "y", "rows": [8, 12]},
                "history": {"uri": "history.parquet", "id": "id"},
                "model": {"trees": 20, "search": 2},
                **sections,
            }
        )

    return make


@pytest.fixture
def make_batch() -> Callable[..., SampleBatch]:
    def make(values: NDArray[np.float64], target: NDArray[np.float64] | None = None) -> SampleBatch:
        n, rows, f = values.shape
        return SampleBatch(
            sensors=tuple("abcdefgh"[:f]),
            ids=tuple(f"s{i}" for i in range(n)),
            sources=("rig",) * n,
            start=np.datetime64("2026-01-01", "us") + np.arange(n) * np.timedelta64(60, "s"),
            values=values,
            received=np.full(n, rows),
            disordered=np.zeros(n, np.int64),
            target=np.full(n, np.nan) if target is None else target,
        )

    return make
