"""What a long stream and a training cost, from ten thousand samples to a million.

500 simulated pump-downs (1200 x 10) go by again and again, in micro-batches of 500: profile, five dimensions, unified
score and the drift detector's statistic. A million of them are 96 GB of readings, of which a micro-batch is held.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.experiments.data import batch_of, recordings
from dq_pipeline.experiments.experiment import Answer, Asked, Cell, Table, rounded
from dq_pipeline.model.boosting import boost, check_device
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.steps.reference import fit_scorer, with_faults

SIZES = (10_000, 100_000, 1_000_000)
BATCH, REFERENCE = 500, 200
Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = ("cpu", "cuda")
FEATURES, TREES = 70, 100
"""Of a pump-down: seven of each of its ten sensors; and the trees of a process file that does not say."""


def run(asked: Asked) -> Answer:
    """One table; sizes beyond what was run are extrapolated and say so."""
    most = 10_000 if asked.quick else SIZES[-1]
    step = _stream(asked)
    rows: list[dict[str, Cell]] = []
    per_sample = (0.0, 0.0)
    for size in SIZES:
        if size <= most:
            wall, cpu = _run(step, size, asked)
            per_sample = (wall / size, cpu / size)
            measured = True
        else:
            wall, cpu = per_sample[0] * size, per_sample[1] * size
            measured = False
        rows.append(
            {
                "samples": size,
                "seconds": rounded(wall, 3),
                "processor seconds": rounded(cpu, 3),
                "ms a sample": rounded(wall / size * 1e3, 3),
                "peak memory, GB": rounded(_peak_gb(), 3) if measured else None,
                "measured": "yes" if measured else "extrapolated from the row above",
            }
        )
    return [
        Table("cost/stream", "A long stream, one core", _NOTE, tuple(rows)),
        Table("cost/training", "Fitting the model's trees", _TRAINING, tuple(_training(most))),
    ]


def _training(most: int) -> Iterator[dict[str, Cell]]:
    """Seconds of one fit on features made up; a device that is not there has none, and says why."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(min(most, SIZES[-1]), FEATURES))
    target = features[:, :5].sum(axis=1) + rng.normal(size=len(features))
    for device in DEVICES:
        missing = _missing(device)
        for size in SIZES:
            row: dict[str, Cell] = {"device": device, "samples": size, "seconds": None, "measured": missing or "yes"}
            if not missing and size > most:
                row["measured"] = "left out of the quick run"
            elif not missing:
                known = features[:size], target[:size], np.ones(size)
                began = time.perf_counter()
                boost(*known, {}, task="regression", classes=0, trees=TREES, seed=0, device=device)
                row["seconds"] = rounded(time.perf_counter() - began, 3)
            yield row


def _missing(device: Device) -> str:
    try:
        check_device(device)
    except ConfigurationError as error:
        return f"no: {str(error).partition(': ')[2].partition('. ')[0]}"
    return ""


def _stream(asked: Asked) -> Callable[[Any], Any]:
    """One micro-batch, assessed: the detector's state in, and out."""
    process, found = recordings(asked, "vacuum", REFERENCE + BATCH)
    batch = batch_of(process, found).head(process.sample.profile_rows)
    known, block = batch.between(0, REFERENCE), batch.between(REFERENCE, len(batch))
    rng = np.random.default_rng(0)
    reference = Reference.fit(known, process)
    usual = profile(known, reference)
    scorer = fit_scorer(process, reference, usual, profile(with_faults(process, known, rng), reference), rng)
    detector = SequentialDetector.fit(usual.drift_features, rng=rng, worlds=Worlds(10, 200))

    def step(state: Any) -> Any:
        found = profile(block, reference)
        scorer.score(found)
        return detector.update(detector.start() if state is None else state, found.drift_features).state

    step(None)
    return step


def _run(step: Callable[[Any], Any], size: int, asked: Asked) -> tuple[float, float]:
    gc.collect()
    state, wall, cpu = None, time.perf_counter(), time.process_time()
    for done in range(0, size, BATCH):
        state = step(state)
        asked.report(done + BATCH, size, f"{size} samples")
    return time.perf_counter() - wall, time.process_time() - cpu


def _peak_gb() -> float:
    """Of this process since it began."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


_NOTE = (
    "Peak memory is that of the whole process since it began, libraries included. Decoding, the lake and the ledger "
    "are left out: `dq run` is measured by `make bench`."
)
_TRAINING = f"{TREES} trees on {FEATURES} features, one thread where it is the CPU. `model.device` chooses."
