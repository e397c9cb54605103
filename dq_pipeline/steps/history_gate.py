"""The form gate for recordings of a file or a history: no time limit, and no message to send back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Placed, Recording, place


def place_all(recordings: Iterable[Recording], process: Process) -> tuple[list[Placed], dict[str, int]]:
    """Place whole recordings, each id once; also how many were refused, by reason."""
    recorded = process.as_recorded
    placed: dict[str, Placed] = {}
    refused: Counter[str] = Counter()
    for recording in recordings:
        try:
            if recording.sample_id in placed:
                raise SampleError("duplicate", "expected each id once", recording.sample_id)
            placed[recording.sample_id] = place(recording, recorded, "completion")
        except SampleError as error:
            refused[error.reason] += 1
    return list(placed.values()), dict(refused)
