"""What triage says of a stretch of history that no ledger knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dq_pipeline.drift.cause import find_cause
from dq_pipeline.process import Process
from dq_pipeline.records import Cause
from dq_pipeline.samples import SampleBatch

MOST_BEFORE = 300
_KINDS = {"sensor": Cause.CALIBRATION, "process": Cause.PROCESS_DRIFT, "undecided": Cause.UNDETERMINED}


@dataclass(frozen=True, slots=True)
class Named:
    """A cause and what it is about; both empty where too little has come to tell."""

    cause: str = ""
    subject: str = ""


def named(process: Process, before: SampleBatch, since: SampleBatch, begin: int) -> Named:
    """The likeliest cause.

    Parameters
    ----------
    before
        Samples while all was well, the newest before `since`.
    begin
        Place in `since` of the first one thought to be changed.
    """
    rows, past = process.sample.profile_rows, before.between(max(len(before) - MOST_BEFORE, 0), len(before))
    places = [process.sensor_names.index(name) for name in process.measured]
    measured = [j for j in places if np.isfinite(since.values[begin:, :rows, j]).any()]  # nothing to compare otherwise
    found = find_cause(
        past.values[:, :rows, measured],
        since.values[:, :rows, measured],
        [process.sensor_names[j] for j in measured],
        [process.sensors[process.sensor_names[j]].unit for j in measured],
        begin=int(np.clip(begin, 0, max(len(since) - 1, 0))),
        target=(past.target, since.target),
    )
    return Named() if found.kind == "waiting" else Named(str(_KINDS[found.kind]), found.sensor)
