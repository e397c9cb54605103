"""How many recordings did not come, beyond what is usual, by the starts of those that did."""

from __future__ import annotations

import numpy as np

from dq_pipeline.steps.stretch import Known
from dq_pipeline.triage.cadence import gaps, pace

NOT_COME = "not_come"


def not_come(before: Known, since: Known) -> dict[str, int]:
    """Those missing among the later samples; empty where there are none, or recordings start at no steady pace."""
    was, now = (one.batch.start.astype("datetime64[us]").astype(np.int64) / 1e6 for one in (before, since))
    stream = before.number >= 0
    usual = pace(was[stream]) or pace(was)
    if usual is None or len(now) < 2:
        return {}
    rate = float(gaps(was, usual).mean())
    count = round(float(gaps(now, usual).sum()) - rate * len(now))
    return {NOT_COME: count} if count > 0 else {}
