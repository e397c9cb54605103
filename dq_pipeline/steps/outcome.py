"""A batch's outcome as bytes for the lake, between its assessment and its commit."""

from __future__ import annotations

from pydantic import TypeAdapter

from dq_pipeline.ports import World
from dq_pipeline.records import BatchOutcome, BatchState, Claim

FILE = "outcome.json"
"""Its name in the folder of the assessment."""

_ADAPTER = TypeAdapter(BatchOutcome)


def to_bytes(outcome: BatchOutcome) -> bytes:
    """The outcome as JSON."""
    return _ADAPTER.dump_json(outcome)


def from_bytes(data: bytes) -> BatchOutcome:
    """The outcome of :func:`to_bytes`."""
    return _ADAPTER.validate_json(data)


def read(world: World, claim: Claim) -> BatchOutcome:
    """The outcome of an assessed batch, or of a committed one, whose claim names the assessment's folder."""
    if claim.state is BatchState.COMMITTED:
        return from_bytes(world.lake.get(f"{claim.uri}/{FILE}"))
    return from_bytes(world.lake.get(str(claim.uri)))
