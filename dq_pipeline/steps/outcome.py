"""A batch's outcome as bytes for the lake, between its assessment and its commit."""

from __future__ import annotations

from pydantic import ConfigDict, TypeAdapter

from dq_pipeline.records import BatchOutcome

_ADAPTER: TypeAdapter[BatchOutcome] = TypeAdapter(
    BatchOutcome, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
)


def to_bytes(outcome: BatchOutcome) -> bytes:
    """The outcome as JSON."""
    return _ADAPTER.dump_json(outcome)


def from_bytes(data: bytes) -> BatchOutcome:
    """The outcome of :func:`to_bytes`."""
    return _ADAPTER.validate_json(data)
