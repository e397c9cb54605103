"""Recordings that no plant made: the handwritten digits that scikit-learn ships, each an 8 x 8 picture.

A picture's rows stand for time and its columns for sensors; the model sees the upper six rows and names the digit.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from dq_pipeline.process import Process
from dq_pipeline.recording import Recording

_START = np.datetime64("2026-01-01", "us")


def digits(samples: int | None = None) -> tuple[Process, list[Recording], list[int]]:
    """The process, its recordings, and the digit that each shows, in the order of the package."""
    shipped = load_digits()
    names = tuple(f"column_{j}" for j in range(8))
    process = Process.model_validate(
        {
            "process": "digits",
            "title": "Handwritten digits",
            "stream": {"topic": "digits.samples", "labels_topic": "digits.labels"},
            "sample": {"rows": 8, "period_s": 1, "horizon_rows": 6, "profile_rows": 8},
            "sensors": {name: {"unit": "1", "range": [0, 16]} for name in names},
            "target": {
                "name": "digit",
                "task": "classification",
                "from": "labels",
                "classes": [str(digit) for digit in range(10)],
            },
            "history": {"uri": "digits.parquet", "id": "sample"},
        }
    )
    pictures = shipped.images[:samples].astype(np.float64)
    found = [
        Recording(f"{i:05d}", "scikit-learn", _START + np.timedelta64(8 * i, "s"), names, picture)
        for i, picture in enumerate(pictures)
    ]
    return process, found, [int(digit) for digit in shipped.target[:samples]]
