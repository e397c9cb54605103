"""`watch` and `drill` of a process file: what a person hears of, and whether the platform would."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from dq_pipeline.sections.section import Section

Fault = Literal[
    "missing", "noise", "calibration", "unit", "offset", "stuck", "delay", "outage", "process_change", "concept"
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Watch(Section):
    """What silence, lag and sick loops are.

    Operates only: takes effect at the next parse.
    """

    silence_s: float | None = Field(None, gt=0)
    lag_s: float = Field(900.0, gt=0)
    stale_claim_s: float = Field(600.0, ge=0)
    failures: int = Field(3, ge=1, le=1000)
    latency_s: float | None = Field(None, gt=0)
    adaptations_per_1000: float | None = Field(None, gt=0, le=1000)
    error_ratio: float = Field(1.25, gt=1)
    volatility_ratio: float = Field(1.5, gt=1)
    score_spread: float = Field(0.1, gt=0, lt=1)
    cooldown_s: float = Field(600.0, ge=0)


class Drill(Section):
    """Faults injected into a copy of the stream, to see whether they are found.

    Operates only: takes effect at the next parse.
    """

    every_h: float | None = Field(None, ge=0.25, le=8760)
    faults: tuple[Fault, ...] = Field(("unit", "stuck", "process_change"), min_length=1)
    sensor: str | None = None
    samples: int = Field(100, ge=25, le=1000)
