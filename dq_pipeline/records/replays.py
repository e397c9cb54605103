"""Samples of the past as the ledger knows them, to be answered again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dq_pipeline.records.samples import PredictionRow


@dataclass(frozen=True, slots=True)
class Answered:
    """A sample with the answer that was acted on, and where the micro-batch that it was given in lies.

    Attributes
    ----------
    champion
        The release that scored the micro-batch: the one in Production then.
    raw_uri, uri
        The messages as they were read, and the folder of the assessment.
    sample
        Its number; None if the recording never completed.
    target
        What is known by now.
    """

    sample_id: str
    batch_id: str
    sequence: int
    champion: str
    raw_uri: str
    uri: str
    sample: int | None
    start: datetime | None
    metadata: Mapping[str, str]
    target: float | None
    answer: PredictionRow
