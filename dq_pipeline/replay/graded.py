"""Recordings of a file, scored as the stream would have scored them, and what cost each the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.quality.threshold import accept
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.reference import fit_scorer_on, with_faults

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Graded:
    """Quality of n recordings, in stream order.

    Attributes
    ----------
    dimensions : (n, 5)
        Over sensors, 1 within the allowance of clean recordings.
    unified : (n,)
    accepted : (n,)
        Whether the score reaches the threshold.
    dimension, sensor : (n,)
        Positions of the dimension that is lowest, and of the sensor lowest in it.
    """

    ids: tuple[str, ...]
    sensors: tuple[str, ...]
    dimensions: Floats
    unified: Floats
    accepted: NDArray[np.bool_]
    dimension: NDArray[np.int64]
    sensor: NDArray[np.int64]

    def rows(self, order: NDArray[np.int64] | None = None) -> list[dict[str, Any]]:
        """A mapping for each recording, in stream order or another."""
        names = tuple(DIMENSIONS)
        return [
            {
                "id": self.ids[i],
                "unified": float(self.unified[i]),
                "accepted": bool(self.accepted[i]),
                **{name: float(value) for name, value in zip(names, self.dimensions[i], strict=True)},
                "lowest": names[self.dimension[i]],
                "sensor": self.sensors[self.sensor[i]],
            }
            for i in (range(len(self.ids)) if order is None else order)
        ]

    def worst(self, count: int) -> list[dict[str, Any]]:
        """The recordings of the lowest scores, the worst first."""
        return self.rows(np.argsort(self.unified, kind="stable")[:count])

    def summary(self) -> dict[str, dict[str, float]]:
        """Quantiles of the score and of each dimension."""
        columns = {"unified": self.unified} | dict(zip(DIMENSIONS, self.dimensions.T, strict=True))
        at = {"lowest": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95}
        return {
            name: {label: float(np.quantile(values, q)) for label, q in at.items()} | {"mean": float(values.mean())}
            for name, values in columns.items()
        }


def scorer_on(process: Process, clean: SampleBatch) -> QualityScorer:
    """A scorer fitted on recordings that are taken to be clean."""
    faulty = with_faults(process, clean, rng_of(f"{process.name}/faults"))
    return fit_scorer_on(process, clean, faulty, rng_of(f"{process.name}/scorer"))


def grade(batch: SampleBatch, scorer: QualityScorer, threshold: float) -> Graded:
    """Score recordings window after window: what most of a window shares is drift, and is not counted here."""
    profiles = profile(batch.head(scorer.reference.rows), scorer.reference)
    found = []
    for begin in range(0, len(profiles), scorer.window):
        before = profiles.take(slice(max(begin - scorer.window, 0), begin)) if begin else None
        found.append(scorer.score(profiles.take(slice(begin, begin + scorer.window)), before))
    dimensions = np.concatenate([scores.dimensions for scores in found])
    unified = np.concatenate([scores.unified for scores in found])
    by_sensor = np.concatenate([scores.sensors for scores in found])
    lowest = np.argmin(dimensions, axis=1)
    return Graded(
        ids=batch.ids,
        sensors=batch.sensors,
        dimensions=dimensions,
        unified=unified,
        accepted=accept(unified, threshold),
        dimension=lowest,
        sensor=np.argmin(by_sensor[np.arange(len(lowest)), lowest], axis=1),
    )


def plots(graded: Graded, threshold: float) -> list[dict[str, Any]]:
    """The score of each recording beside the threshold, and the dimensions."""
    at = list(range(len(graded.ids)))
    point = {"type": "scatter", "x": at, "text": list(graded.ids)}
    score = [
        point | {"mode": "markers", "name": "unified", "y": graded.unified.tolist()},
        {"type": "scatter", "mode": "lines", "name": "threshold", "x": [0, len(at) - 1], "y": [threshold] * 2},
    ]
    lines = [
        point | {"mode": "lines", "name": name, "y": values.tolist()}
        for name, values in zip(DIMENSIONS, graded.dimensions.T, strict=True)
    ]
    return [
        {"data": data, "layout": {"title": {"text": title}, "xaxis": {"title": {"text": "recording"}}}}
        for data, title in ((score, "Unified score"), (lines, "Dimensions"))
    ]
