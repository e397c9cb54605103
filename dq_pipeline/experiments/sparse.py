"""Recordings of few rows: what a score and a drift detector can still tell from 10 to 50 rows.

Every k-th row of each recording is kept. Quality: a fifth of the samples carry one of nine faults, the reference is the
first 200 samples. Drift: the pump-down, which is steady but for what is put in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments.data import available, batch_of, recordings
from dq_pipeline.experiments.experiment import Answer, Asked, Cell, Table, rounded
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import in_windows
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import faulted
from dq_pipeline.steps.reference import fit_scorer, with_faults

Floats = NDArray[np.float64]

ROWS = (10, 20, 30, 50)
REFERENCE, QUIET, LONGEST, SEEDS = 200, 1000, 300, 10
SHIFT = 0.05
"""Of one sensor, in standard deviations of its reference's rows."""


def run(asked: Asked) -> Answer:
    """Two tables: the score by process and rows, the detector by rows."""
    rows = ROWS[::2] if asked.quick else ROWS
    return [
        Table("sparse/quality", "The unified score of short recordings", _QUALITY, tuple(_quality(asked, rows))),
        Table("sparse/drift", "The drift detector on short recordings", _DRIFT, tuple(_drift(asked, rows))),
    ]


def thinned(batch: SampleBatch, process: Process, rows: int) -> tuple[SampleBatch, Process]:
    """The batch with so many rows of each sample, evenly spaced, and the process that records so."""
    kept = np.linspace(0, batch.rows - 1, rows).round().astype(np.int64)
    values = np.ascontiguousarray(batch.values[:, kept])
    full = np.full(len(batch), rows)
    sample = process.sample.model_copy(
        update={
            "rows": rows,
            "profile_rows": rows,
            "horizon_rows": min(rows, process.sample.horizon_rows),
            "period_s": process.sample.period_s * batch.rows / rows,
        }
    )
    short = replace(batch, values=values, received=full, disordered=np.zeros(len(batch), np.int64))
    return short, process.model_copy(update={"sample": sample})


def auc(batch: SampleBatch, process: Process, seed: int) -> float:
    """Area under the curve of samples with a fault against clean ones, after the reference."""
    rng = np.random.default_rng(seed)
    known, later = batch.between(0, REFERENCE), batch.between(REFERENCE, len(batch))
    reference = Reference.fit(known, process)
    spoilt = profile(with_faults(process, known, rng), reference)
    scorer = fit_scorer(process, reference, profile(known, reference), spoilt, rng)
    shown = faulted(later, process, rng)
    changed = ~np.all((shown.values == later.values) | (np.isnan(shown.values) & np.isnan(later.values)), axis=(1, 2))
    bad = changed | (shown.received != later.received) | (shown.disordered != later.disordered)
    return float(roc_auc_score(bad, -in_windows(scorer, profile(shown, reference))))


def _quality(asked: Asked, rows: tuple[int, ...]) -> list[dict[str, Cell]]:
    told: list[dict[str, Cell]] = []
    for name in available(asked):
        process, found = recordings(asked, name, REFERENCE + (100 if asked.quick else 600))
        batch = batch_of(process, found).head(process.sample.profile_rows)
        seeds = range(1 if asked.quick else 3)
        for count in (*(one for one in rows if one < batch.rows), batch.rows):
            short, shorter = thinned(batch, process, count)
            figure = float(np.mean([auc(short, shorter, seed) for seed in seeds]))
            told.append({"process": name, "rows": count, "AUC": rounded(figure)})
    return told


def _drift(asked: Asked, rows: tuple[int, ...]) -> list[dict[str, Cell]]:
    seeds, quiet = (1, 200) if asked.quick else (SEEDS, QUIET)
    told: list[dict[str, Cell]] = []
    for done, count in enumerate((*rows, 1200)):
        asked.report(done, len(rows) + 1, "drift on short recordings")
        alarms, delays = np.array([_watched(asked, count, seed, quiet) for seed in range(seeds)]).T
        told.append(
            {
                "rows": count,
                "false alarms per 1,000": rounded(float(alarms.sum()) * 1000 / (seeds * quiet), 3),
                "mean delay, samples": rounded(float(delays.mean()), 3),
                "missed": int((delays >= LONGEST).sum()),
                "streams": seeds,
            }
        )
    return told


def _watched(asked: Asked, rows: int, seed: int, quiet: int) -> tuple[int, int]:
    """Alarms where nothing drifts, and samples until a shift of one sensor is found."""
    process, found = recordings(asked, "vacuum", REFERENCE + quiet, seed=seed)
    batch, process = thinned(batch_of(process, found), process, rows)
    known, later = batch.between(0, REFERENCE), batch.between(REFERENCE, len(batch))
    reference = Reference.fit(known, process)
    rng = np.random.default_rng([seed, 4])
    worlds = Worlds(10, 200) if asked.quick else Worlds()
    detector = SequentialDetector.fit(profile(known, reference).drift_features, rng=rng, worlds=worlds)
    steady = detector.update(detector.start(), profile(later, reference).drift_features)
    moved = later.between(0, min(LONGEST, len(later)))
    j = moved.sensors.index("cooling_out")
    values = moved.values.copy()
    values[:, :, j] += SHIFT * reference.drift.sd[j]
    shifted = detector.update(detector.start(), profile(replace(moved, values=values), reference).drift_features)
    return len(steady.alarms), int(shifted.alarms[0].sample) + 1 if shifted.alarms else LONGEST


_QUALITY = (
    "AUC of samples that carry one of nine faults against clean ones; the first 200 samples are the reference for "
    "ever. The last row of a process is the recording as it is."
)
_DRIFT = (
    "The sequential detector at a budget of 1 false alarm in 1,000; the shift is 0.05 standard deviations of one "
    "sensor's rows, and a drift not found within 300 samples counts 300."
)
