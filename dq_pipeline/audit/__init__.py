"""Audits: whether each sensor measures what it should, as far as the others can tell."""

from dq_pipeline.audit.examine import examine
from dq_pipeline.audit.finding import Fault, Finding

__all__ = ["Fault", "Finding", "examine"]
