"""`rollout` of a process file: the way of a release into Production."""

from __future__ import annotations

from dq_pipeline.sections.section import Section


class Rollout(Section):
    """How a release that passed every gate comes into Production: in the shadow, as a canary, at once.

    Operates only: takes effect at the next parse.
    """
