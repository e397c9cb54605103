"""The learned scorer against the direct one: what it errs, what it tells apart, what each costs.

Both are renewed every 200 samples on the 200 clean ones before; micro-batches of 25, a fifth of the samples faulty.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.metrics import r2_score, roc_auc_score

from benchmarks.protocols import available, put_faults, scale_of, stream
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.learned import COPIES, MUTATED, LearnedScorer
from dq_pipeline.quality.oracle import chosen
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.samples import SampleBatch

REFERENCE, BLOCK = 200, 25
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}; `short` looks at 300 samples."""
    rows: list[Row] = []
    for name in available():
        process, batch = stream(name, 300 if short else 800 if name == "vacuum" else None)
        batch = batch.head(process.sample.profile_rows)
        figures = run(process, batch, np.random.default_rng(0))
        for what, (value, unit) in figures.items():
            row = {"name": f"learned_scorer/{name}: {what}", "value": float(f"{value:.3g}"), "unit": unit}
            rows.append({**row, "against": "the direct score", "bar": None, "holds": None})
    return rows


def run(process: Process, batch: SampleBatch, rng: np.random.Generator) -> dict[str, tuple[float, str]]:
    """Figure -> value and unit, over all micro-batches pooled."""
    spread, cells = scale_of(batch), batch.rows * len(batch.sensors)
    direct, learned, faulty, fits, times = [], [], [], [], []
    for begin in range(REFERENCE, len(batch) - BLOCK + 1, BLOCK):
        if (begin - REFERENCE) % REFERENCE == 0:
            exact, said_by, seconds = _fit(process, batch.take(np.arange(begin - REFERENCE, begin)), rng)
            fits.append(seconds)
        block = put_faults(batch.take(np.arange(begin, begin + BLOCK)), process, spread, rng)
        began = time.thread_time()
        direct.append(exact.score(profile(block.batch, exact.reference)).unified)
        between = time.thread_time()
        learned.append(said_by.score(block.batch, exact.reference))
        times.append((between - began, time.thread_time() - between))
        faulty.append(block.faulty)
    truth, said, bad = np.concatenate(direct), np.concatenate(learned), np.concatenate(faulty)
    again = chosen([str(i) for i in range(len(truth))], process.quality.oracle_share)
    per_sample = np.median(np.array(times), axis=0) / BLOCK
    return {
        "R2": (float(r2_score(truth, said)), ""),
        "mean absolute error": (float(np.mean(np.abs(truth - said))), "score"),
        "the same, seen by the oracle": (float(np.mean(np.abs(truth - said)[again])), "score"),
        "mean absolute error of faulty samples": (float(np.mean(np.abs(truth - said)[bad])), "score"),
        "AUC, learned": (float(roc_auc_score(bad, -said)), "AUC"),
        "AUC, direct": (float(roc_auc_score(bad, -truth)), "AUC"),
        "cost, learned": (per_sample[1] * 1e9 / cells, "ns/value"),
        "cost, direct": (per_sample[0] * 1e9 / cells, "ns/value"),
        "fit, learned": (float(np.median(fits)), "s"),
    }


def _fit(process: Process, known: SampleBatch, rng: np.random.Generator) -> tuple[QualityScorer, LearnedScorer, float]:
    reference, scale = Reference.fit(known, process), scale_of(known)
    faulty = profile(put_faults(known, process, scale, rng).batch, reference)
    direct = QualityScorer.fit(reference, profile(known, reference), faulty, rng=rng)
    began = time.thread_time()
    copies = [put_faults(known, process, scale, rng, share=MUTATED).batch for _ in range(COPIES)]
    return direct, LearnedScorer.fit(direct, known, copies, rng), time.thread_time() - began
