"""`contracts` of a process file: what production must be. Every edit is a row in the ledger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dq_pipeline.sections.section import Section

Metric = Literal[
    "mae", "bias", "coverage", "calibration", "lift", "score", "null_rate", "decision_latency", "alarm_rate"
]
NEEDS_TRUTH = frozenset({"mae", "bias", "coverage", "calibration", "lift"})
"""Metrics of samples whose truth is known; the others need nothing but the stream."""
OF_NUMBERS, OF_CLASSES = frozenset({"mae", "bias", "calibration"}), frozenset({"lift"})
"""Metrics of regression, and of classification, alone."""
TAKEN = ("timestamps", "dictionary")
"""Names of what is checked without a contract."""
STATED_ONLY = frozenset({"decision_latency"})
"""Metrics that no release was evaluated by: what is expected has to be stated."""


class Slice(Section):
    """Which samples a contract speaks of; all of them where nothing is said."""

    by: str | None = Field(None, min_length=1, max_length=200)
    season: Literal["hour", "weekday", "month"] | None = None
    sensors: tuple[str, ...] = ()
    missing_above: float | None = Field(None, ge=0, lt=1)
    outage_s: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_way(self) -> Slice:
        if self.by is not None and self.season is not None:
            raise ValueError("one of `by` and `season`, not both")
        return self


class Tolerance(Section):
    """How far production may be from what is expected, for the worse: a share of it, and units of the metric."""

    relative: float = Field(0.0, ge=0, le=10)
    absolute: float = Field(0.0, ge=0)


class Contract(Section):
    """What one metric of production must be, over which samples, and what follows where it is not.

    Operates only: takes effect at the next parse.
    """

    metric: Metric
    slice: Slice = Slice()
    window: int = Field(200, ge=20, le=5000)
    expected: float | Literal["released"] = "released"
    tolerance: Tolerance | None = None
    quantile: float | None = Field(None, gt=0, lt=1)
    min_samples: int = Field(20, ge=5, le=5000)
    severity: Literal["info", "warning", "critical"] = "warning"
    owner: str = Field("", max_length=100)
    runbook: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")] = "contract"
    signed_by: str = Field("", max_length=200)

    @model_validator(mode="after")
    def _judged_by_something(self) -> Contract:
        if self.expected == "released" and self.metric in STATED_ONLY:
            raise ValueError(f"a number as `expected` of {self.metric}: no release is evaluated by it")
        if self.min_samples > self.window:
            raise ValueError("a window of at least `min_samples`")
        if self.quantile is not None and self.metric not in ("score", "decision_latency"):
            raise ValueError("`quantile` with score or decision_latency alone")
        return self
