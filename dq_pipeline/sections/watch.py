"""`watch` and `drill` of a process file: what a person hears of, and whether the platform would."""

from __future__ import annotations

from dq_pipeline.sections.section import Section


class Watch(Section):
    """What silence, lag and sick loops are.

    Operates only: takes effect at the next parse.
    """


class Drill(Section):
    """Faults injected into a copy of the stream, to see whether they are found.

    Operates only: takes effect at the next parse.
    """
