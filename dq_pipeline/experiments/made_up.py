"""Arrays that no plant sent, as samples of a process made for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.samples import SampleBatch


def made_batch(values: NDArray[np.float64]) -> SampleBatch:
    """Whole samples of values (n, T, f), one a minute, without targets."""
    n, rows, sensors = values.shape
    return SampleBatch(
        sensors=_names(sensors),
        ids=tuple(f"{i:05d}" for i in range(n)),
        sources=("made",) * n,
        start=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(n) * np.timedelta64(60, "s"),
        values=np.ascontiguousarray(values),
        received=np.full(n, rows),
        disordered=np.zeros(n, np.int64),
        target=np.full(n, np.nan),
    )


def made_process(rows: int, sensors: int, limit: float) -> Process:
    """The process of such samples; readings beyond the limit are out of range."""
    return Process.model_validate(
        {
            "process": "made",
            "title": "Made",
            "stream": {"topic": "t", "labels_topic": "l"},
            "sample": {"rows": rows, "period_s": 1, "horizon_rows": rows, "profile_rows": rows},
            "sensors": {name: {"unit": "bar", "range": [-limit, limit]} for name in _names(sensors)},
            "target": {"name": "y", "from": "labels"},
            "history": {},
        }
    )


def _names(sensors: int) -> tuple[str, ...]:
    return tuple(f"s{j}" for j in range(sensors))
