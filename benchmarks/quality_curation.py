"""What a dirty reference costs, and what curation gives back: AUC of faulty against clean samples.

The reference is the 200 samples before each block of 100, as they are or with faults in a fifth of them; it is renewed
every block. Random order takes the drift out of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.protocols import Faulted, available, put_faults, scale_of, stream
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import in_windows
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.reference import curated, fit_scorers

REFERENCE, BLOCK = 200, 100
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}; `short` looks at one block of one stream."""
    rows: list[Row] = []
    for name in available()[:1] if short else available():
        process, batch = stream(name, 1000 if name == "vacuum" and not short else 400 if short else None)
        process = process.model_copy(update={"sample": _same_rows(process)})
        batch = batch.head(process.sample.profile_rows)
        for order in ("in time order", "in random order"):
            rng = np.random.default_rng(5)
            shown = batch if order == "in time order" else batch.take(rng.permutation(len(batch)))
            for state in ("clean", "dirty"):
                for curate in (False, True):
                    auc, dropped = run(process, shown, dirty=state == "dirty", curate=curate, most=1 if short else 12)
                    what = f"{name}, {order}: {state} reference {'curated' if curate else 'as it is'}"
                    rows.append(_row(what, auc, "AUC", "clean samples"))
                    if curate:
                        rows.append(_row(f"{what}, left out", dropped, "share", "of the reference"))
    return rows


def run(process: Process, batch: SampleBatch, *, dirty: bool, curate: bool, most: int) -> tuple[float, float]:
    """AUC over all blocks pooled, and the share of the reference that was left out."""
    process = process.model_copy(update={"quality": process.quality.model_copy(update={"curate": curate})})
    spread, found, kinds, dropped = scale_of(batch), [], [], []
    for begin in range(REFERENCE, len(batch) - BLOCK + 1, BLOCK)[:most]:
        rng = np.random.default_rng(begin)
        known = batch.take(np.arange(begin - REFERENCE, begin))
        known = put_faults(known, process, spread, rng).batch if dirty else known
        block: Faulted = put_faults(batch.take(np.arange(begin, begin + BLOCK)), process, spread, rng)
        kept = curated(process, known, rng)
        scorer = fit_scorers(process, known.take(kept), rng)["completion"]
        found.append(in_windows(scorer, profile(block.batch, scorer.reference)))
        kinds.append(block.faulty)
        dropped.append(1.0 - kept.mean())
    return float(roc_auc_score(np.concatenate(kinds), -np.concatenate(found))), float(np.mean(dropped))


def _same_rows(process: Process) -> Any:
    """A horizon of two rows: its scorer is not looked at here."""
    return process.sample.model_copy(update={"horizon_rows": 2})


def _row(what: str, value: float, unit: str, against: str) -> Row:
    name = f"quality_curation/{what}"
    return {"name": name, "value": round(value, 3), "unit": unit, "against": against, "bar": None, "holds": None}
