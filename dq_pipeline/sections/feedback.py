"""`feedback` of a process file: what is flagged, reviewed, let into training, and when a model is trained again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from dq_pipeline.sections.section import Section

Hour = Annotated[int, Field(ge=0, le=23)]


class Review(Section):
    """Which flagged samples are settled without a person, and which share of these a person sees all the same.

    Operates only: takes effect with the next sample that is looked at.
    """

    settle: bool = True
    reject_below: float = Field(0.5, ge=0, le=1)
    accept_within: float = Field(0.0, ge=0, le=1)
    seen_share: float = Field(0.1, ge=0, le=1)
    second_opinion: Annotated[float, Field(ge=0, le=1)] | Literal["conflicts"] = 0.0
    tolerance: float = Field(0.25, ge=0, le=10)
    most_opinions: int = Field(3, ge=2, le=9)


class Gate(Section):
    """What a sample must be to train a model. Operates only: takes effect with the next training."""

    missing: float = Field(0.5, ge=0, le=1)
    range: tuple[float, float] | None = None
    near: float = Field(0.01, ge=0, le=0.5)
    labels_per_100: float = Field(5.0, ge=0, le=50)
    min_new: int = Field(5, ge=0)

    @field_validator("range")
    @classmethod
    def _ordered(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError("two limits, the lower one first, as [0, 2.5]")
        return limits


class Retrain(Section):
    """When a model is trained again, and when not. Operates only: takes effect at the next parse.

    A drift leads to a training by `drift.policy`; what is stated here comes on top. By default nothing does.
    """

    labels: int | None = Field(None, ge=1)
    coverage: float | None = Field(None, gt=0, le=1)
    error: float | None = Field(None, gt=1)
    every_h: float | None = Field(None, gt=0)
    min_labels: int = Field(20, ge=1)
    cooldown_h: float = Field(0.0, ge=0)
    budget_s: float | None = Field(None, gt=0)
    hours: tuple[Hour, Hour] | None = None

    @field_validator("hours")
    @classmethod
    def _open(cls, hours: tuple[int, int] | None) -> tuple[int, int] | None:
        if hours is not None and hours[0] == hours[1]:
            raise ValueError("two different hours, first and one past the last, as [22, 6]")
        return hours

    @property
    def asks(self) -> bool:
        """Whether anything but a drift may ask for a training."""
        return any(one is not None for one in (self.labels, self.coverage, self.error, self.every_h))

    @property
    def limits(self) -> bool:
        """Whether anything puts a training off."""
        return self.cooldown_h > 0 or self.budget_s is not None or self.hours is not None


class Feedback(Section):
    """Which samples a person should look at: how many where nothing is wrong, and where a score is doubtful."""

    flags_per_100: float = Field(5.0, gt=0, le=50)
    doubtful_band: float = Field(0.15, ge=0, le=1)
    review: Review = Review()
    gate: Gate = Gate()
    retrain: Retrain = Retrain()

    def deciding(self) -> dict[str, Any]:
        """What of it a release carries: the flags' keys, if they say anything but the defaults."""
        keys = {"flags_per_100", "doubtful_band"}
        said, usual = self.model_dump(include=keys), Feedback().model_dump(include=keys)
        return {} if said == usual else said
