"""Training batches: exactly which samples a model learned from, and which were refused and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """One sample of a training batch. `batch_id` is its micro-batch, or the chunk of history it came from."""

    sample_id: str
    batch_id: str
    target: float
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """One version of what a model learned from.

    Attributes
    ----------
    hash
        SHA-256 of its content: the same samples with the same labels are the same version.
    key
        The challenger it was first made for.
    rules
        The gate's settings, by which the samples were let in.
    findings
        What each gate found: its figure, its limit, and the refused samples with their reasons.
    reviewers
        Who had settled labels of it, and how many.
    uri
        Its manifest in the lake.
    """

    hash: str
    key: str
    samples: int
    refused: int
    rules: Mapping[str, Any]
    findings: Mapping[str, Any]
    reviewers: Mapping[str, int]
    uri: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """The message that a sample came in, one for each scope; None where its release kept no offsets."""

    sample_id: str
    scope: str
    batch_id: str
    topic: str
    partition: int | None
    offset: int | None
