"""`rollout` of a process file: the way of a staged release into Production."""

from __future__ import annotations

from pydantic import Field

from dq_pipeline.sections.section import Section


class Canary(Section):
    """The share of samples a staged release answers before it answers all, and how many of them with their truth."""

    share: float = Field(0.05, gt=0, le=0.5)
    samples: int = Field(200, ge=20, le=100_000)


class Rollout(Section):
    """Whether a staged release predicts in shadow first, and then answers a share of the samples.

    Operates only: takes effect at the next parse. By default it is promoted at once.
    """

    shadow: int = Field(0, ge=0, le=100_000)
    canary: Canary | None = None

    @property
    def asks(self) -> bool:
        """Whether a release goes any way at all before it is in Production."""
        return self.shadow > 0 or self.canary is not None
