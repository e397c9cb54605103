"""A batch's outcome as bytes for the lake, between its assessment and its commit."""

from __future__ import annotations

from pydantic import TypeAdapter

from dq_pipeline.records import BatchOutcome

_ADAPTER = TypeAdapter(BatchOutcome)


def to_bytes(outcome: BatchOutcome) -> bytes:
    """The outcome as JSON."""
    return _ADAPTER.dump_json(outcome)


def from_bytes(data: bytes) -> BatchOutcome:
    """The outcome of :func:`to_bytes`."""
    return _ADAPTER.validate_json(data)
