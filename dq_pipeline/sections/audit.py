"""`audit` of a process file: whether sensors measure right."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dq_pipeline.sections.section import Section


class Audit(Section):
    """How sensors are audited, and what is done with one that is surely at fault.

    Operates only: takes effect at the next parse.
    """

    correct: Literal["never", "unit", "clear"] = "unit"
    window: int = Field(50, ge=10, le=1000)
