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


class Drill(Section):
    """Faults injected into a copy of the stream, to see whether they are found.

    Operates only: takes effect at the next parse.
    """

    every_h: float | None = Field(None, ge=0.25, le=8760)
    faults: tuple[Fault, ...] = Field(("unit", "stuck", "process_change"), min_length=1)
    sensor: str | None = None
    samples: int = Field(100, ge=25, le=1000)
