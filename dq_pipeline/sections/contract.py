"""`contracts` of a process file: what production must be. Every edit is a row in the ledger."""

from __future__ import annotations

from dq_pipeline.sections.section import Section


class Contract(Section):
    """What one metric of production must be, over which samples, and what follows where it is not.

    Operates only: takes effect at the next parse.
    """
