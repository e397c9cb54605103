"""The drift decision over a window of 50 pump-downs (1200 x 10) against frouros' Jensen-Shannon `compare`.

Ours: profile and features of the raw arrays, then the detector's statistic, sample by sample; from profiles in hand the
statistic alone. Theirs: one `compare` a sensor on all rows of the window, in the one thread it has. The reference is
prepared on both sides and fitting is left out on both. The two take turns on one machine, each in a process of its own.
In a turn each side works for about as long: theirs once, ours `REPEATS` times, of which the median counts, for a
processor is slow for the first milliseconds after a pause. Times are a thread's own, so that a busy machine does not
blur them; but that of "as deployed", where the profile is taken on two threads as a deployment takes it, is by the
clock on the wall.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.peers import Peer, PeerMissingError, peer
from benchmarks.stack import ROOT
from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.process_file import load
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile, profile_in_parts
from dq_pipeline.recording import assemble, place
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.vacuum import simulate

REFERENCE, WINDOW, REPEATS = 200, 50, 15
FROM_RAW_BAR, FROM_PROFILES_BAR = 20.0, 100.0
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Milliseconds of both, and their ratios."""
    turns = 5 if short else 15
    known, window = _batches()
    reference = Reference.fit(known, load(ROOT / "dags" / "processes" / "vacuum.yaml"))
    history = profile(known, reference).drift_features
    detector = SequentialDetector.fit(history, rng=np.random.default_rng(1), worlds=Worlds(10, 60))
    profiles, start = profile(window, reference).drift_features, detector.start()

    def from_raw() -> None:
        detector.update(start, profile(window, reference).drift_features)

    def from_profiles() -> None:
        detector.update(start, profiles)

    with tempfile.TemporaryDirectory(prefix="dq-peers-") as folder:
        files = [str(Path(folder) / name) for name in ("reference.npy", "window.npy")]
        for file, batch in zip(files, (known, window), strict=True):
            np.save(file, batch.values)
        try:
            with ThreadPoolExecutor(2) as pool, peer("frouros_js.py", *files, build=not short) as frouros:

                def deployed() -> None:
                    detector.update(start, profile_in_parts(window, reference, pool).drift_features)

                return _compared(frouros, deployed, from_raw, from_profiles, turns)
        except PeerMissingError as error:
            print(f"drift_decision: no peer to measure against: {error}")
            raw, ready = _alone(from_raw, turns), _alone(from_profiles, turns)
    return [
        _row("from raw arrays, one core", raw * 1e3, "ms"),
        _row("from profiles", ready * 1e3, "ms"),
        _row("speed-up from raw arrays, as deployed", None, "x", "frouros JS: not installed", FROM_RAW_BAR),
        _row("speed-up from profiles", None, "x", "frouros JS: not installed", FROM_PROFILES_BAR),
    ]


def _compared(
    frouros: Peer,
    deployed: Callable[[], None],
    from_raw: Callable[[], None],
    from_profiles: Callable[[], None],
    turns: int,
) -> list[Row]:
    deployed()
    from_raw()
    frouros.seconds()
    theirs, both, raw, ready = [], [], [], []
    for _ in range(turns):
        theirs.append(frouros.seconds())
        both.append(_median(deployed, time.perf_counter))
        raw.append(_median(from_raw))
        ready.append(_median(from_profiles))
    over = [median(t / s for t, s in zip(theirs, ours, strict=True)) for ours in (both, raw, ready)]
    return [
        _row("from raw arrays, as deployed", median(both) * 1e3, "ms"),
        _row("from raw arrays, one core", median(raw) * 1e3, "ms"),
        _row("from profiles", median(ready) * 1e3, "ms"),
        _row("frouros JS compare", median(theirs) * 1e3, "ms"),
        _row("speed-up from raw arrays, as deployed", over[0], "x", "frouros JS", FROM_RAW_BAR),
        _row("speed-up from raw arrays, one core", over[1], "x", "frouros JS"),
        _row("speed-up from profiles", over[2], "x", "frouros JS", FROM_PROFILES_BAR),
    ]


def _row(name: str, value: float | None, unit: str, against: str | None = None, bar: float | None = None) -> Row:
    return {
        "name": f"drift_decision/{name}",
        "value": None if value is None else round(value, 3),
        "unit": unit,
        "against": against,
        "bar": bar,
        "holds": None if bar is None or value is None else value >= bar,
    }


def _batches() -> tuple[SampleBatch, SampleBatch]:
    process = load(ROOT / "dags" / "processes" / "vacuum.yaml")
    recordings = simulate(REFERENCE + WINDOW, np.random.default_rng(11))
    whole = assemble([place(one, process, "completion") for one in recordings], process, "completion")
    known, window = whole.between(0, REFERENCE), whole.between(REFERENCE, REFERENCE + WINDOW)
    return known, replace(window, values=np.ascontiguousarray(window.values))


def _alone(work: Callable[[], None], turns: int) -> float:
    return median(_median(work) for _ in range(turns))


def _median(work: Callable[[], None], clock: Callable[[], float] = time.thread_time) -> float:
    seconds = []
    for _ in range(REPEATS):
        began = clock()
        work()
        seconds.append(clock() - began)
    return median(seconds)
