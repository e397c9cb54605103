"""What decides, and is carried by a release: alarm, quality, drift, model and promotion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dq_pipeline.sections.section import Section

PUBLISHED_THRESHOLD = 0.25
"""Score below which a recording is not believed, in arXiv 2512.19723."""


class Alarm(Section):
    """Act before the recording ends: when the prediction, or the bound of its interval, passes the limit."""

    when: Literal["below", "above"]
    limit: float
    on: Literal["prediction", "interval"] = "interval"


class Quality(Section):
    """How a recording's quality is scored and what a score below the threshold means."""

    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["sweep"] = PUBLISHED_THRESHOLD
    min_retained: float = Field(0.5, ge=0, le=1)
    fallback: Literal["previous_release", "last_good", "none"] = "last_good"
    scorer: Literal["direct", "learned"] = "direct"
    oracle_share: float = Field(0.1, gt=0, le=1)
    oracle_tolerance: float = Field(0.1, gt=0, le=1)
    unifier: Literal["pca", "mean", "min", "pc1"] = "pca"
    curate: bool = True
    window: int = Field(25, ge=5, le=1000)

    @property
    def stated_threshold(self) -> float:
        """The threshold that the file states, or the published one where a sweep is to find it."""
        return PUBLISHED_THRESHOLD if self.threshold == "sweep" else self.threshold


class Drift(Section):
    """How drift is watched for: the detector, its false-alarm budget and the policy that acts on it."""

    policy: Literal["active", "passive", "static"] = "active"
    passive_every: int = Field(50, ge=5, le=10_000)
    detector: Literal["sequential", "window"] = "sequential"
    false_alarms_per_1000: float = Field(1.0, gt=0, le=100)
    worlds: int = Field(40, ge=10, le=1000)
    world_length: int = Field(600, ge=100, le=10_000)
    statistic: Literal["combined", "jsd", "kl", "psi", "ks", "wasserstein"] = "combined"
    tau: float = Field(0.06, gt=0, lt=0.5)
    window: int = Field(25, ge=5, le=1000)
    stride: int = Field(5, ge=1, le=1000)
    draws: int = Field(500, ge=100, le=100_000)
    refit_after: int = Field(100, ge=20, le=10_000)
    lead_in: int = Field(10, ge=0, le=1000)
    regimes: int = Field(0, ge=0, le=20)


class Model(Section):
    """How the model is trained: a time-ordered search within a budget, and the age at which history fades."""

    trees: int = Field(100, ge=5, le=5000)
    search: int = Field(6, ge=1, le=200)
    search_seconds: float | None = Field(None, gt=0)
    early_stopping: int | None = Field(None, ge=1, le=500)
    label_guard: bool = True
    weights: Literal["fading", "newest", "expanding"] = "fading"
    age_scale: float = Field(300.0, gt=0)
    age_floor: float = Field(0.05, ge=0, le=1)
    coverage: float = Field(0.9, gt=0.5, lt=1)
    recalibrate: bool = True
    device: Literal["cpu", "cuda"] = "cpu"
    min_samples: int = Field(40, ge=20)


class Promotion(Section):
    """Gates a challenger must pass, and how long a new release is on probation."""

    metric: Literal["mae", "rmse", "r2", "accuracy", "f1"] = "mae"
    tolerance: float = Field(0.02, ge=0, le=1)
    approval: Literal["none", "human"] = "none"
    min_retained: float = Field(0.3, ge=0, le=1)
    max_latency_ms: float = Field(1000.0, gt=0)
    probation: int = Field(100, ge=0)
