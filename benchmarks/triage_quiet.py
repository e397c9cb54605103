"""False incidents of the monitors alone, in long undisturbed streams, by how many recordings a release is made of.

What is usual is known from few samples where a release is small: this shows whether the budget is kept all the same.
Run `python -m benchmarks.triage_quiet`; the figures go to var/evidence/triage_quiet.json.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from benchmarks import trouble_streams
from benchmarks.triage import FIRST_PLANT, FOLDER
from benchmarks.triage_trials import undisturbed
from dq_pipeline.drift.calibration import Worlds

STREAMS, FOLLOW = 24, 700
"""Streams of each size, and samples in each."""
SMALL, USUAL = 120, 240
"""Recordings that a release is made of: as few as it may be, and as in the benchmark."""


def quiet(size: int, streams: int = STREAMS) -> dict[str, Any]:
    """Alarms of monitors and what triage made of them, over streams of one pump-down each."""
    raised: Counter[tuple[str, str]] = Counter()
    samples = 0
    for k in range(streams):
        plant = trouble_streams.plant("vacuum", FIRST_PLANT + 100 + k, Worlds(2, 100), history=size, follow=FOLLOW)
        n, found = undisturbed(plant, [FIRST_PLANT, 100 + k])
        samples += n
        raised.update((by, named) for _, by, named in found if by != "drift")
    alarms = sum(raised.values())
    incidents = sum(count for (_, named), count in raised.items() if named != "nothing")
    return {
        "recordings": size,
        "streams": streams,
        "samples": samples,
        "alarms_per_1000": round(1000.0 * alarms / samples, 3),
        "incidents_per_1000": round(1000.0 * incidents / samples, 3),
        "raised": [[*key, count] for key, count in sorted(raised.items())],
    }


if __name__ == "__main__":
    found = [quiet(size, int(sys.argv[1]) if len(sys.argv) > 1 else STREAMS) for size in (SMALL, USUAL)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "triage_quiet.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(json.dumps(found, indent=1))
