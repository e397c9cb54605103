"""`feedback` of a process file: what is flagged, reviewed, let into training, and when a model is trained again."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Review(_Section):
    """Which flagged samples are settled without a person, and which share of these a person sees all the same."""


class Gate(_Section):
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


class Retrain(_Section):
    """When a model is trained again, and when not. Operates only: takes effect at the next parse."""


class Feedback(_Section):
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
