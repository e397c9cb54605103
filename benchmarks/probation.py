"""What gates and a probation make of a retraining: on shuffled labels, which must not stay, and of an honest one.

Time-ordered: the champion learned from all before, the challenger from 50 newer labels as well, or 25. Gates judge its
recipe on the newest labels, which are right; the promoted model has learned from all. A model from shuffled labels is
promoted by force and watched for up to 100 samples, looked at every 25, as a deployment does.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.protocols import available, stream
from benchmarks.table import row
from dq_pipeline.process import Process, Promotion
from dq_pipeline.release.promotion import Evidence, assess, decide, probation
from dq_pipeline.replay.learner import Learner
from dq_pipeline.samples import SampleBatch

BEGIN = 300
NEW, FEW = 50, 25
WATCHED, LOOK = 100, 25
TRIALS = 12
BAR = 0.9


def measure(short: bool) -> list[dict[str, Any]]:
    """Shares of the trials per process; `against` is a block that the champion has learned half of."""
    rows = []
    for name in ("vacuum",) if short else available():
        process, batch = stream(name, 600 if short else None)
        batch = batch.take(np.flatnonzero(np.isfinite(batch.target)))
        last = len(batch) - NEW - WATCHED
        found = _trials(process, batch, np.linspace(BEGIN, last, 3 if short else TRIALS).astype(int).tolist())
        case = f"probation/{name}"
        for what in ("shuffled labels refused", "shuffled labels by force, taken back"):
            share = float(np.mean(found[what]))
            rows.append(row(f"{case}/{what}", share, "share", None, BAR, share >= BAR))
        rows.append(row(f"{case}/... after", float(np.median(found["after"] or [np.nan])), "samples"))
        rows.append(row(f"{case}/honest refit taken back", float(np.mean(found["honest taken back"])), "share"))
        seen = round(float(np.mean(found["honest refused, half seen"])), 4)
        rows.append(row(f"{case}/honest refit refused", float(np.mean(found["honest refused"])), "share", seen))
    return rows


def _trials(process: Process, batch: SampleBatch, begins: list[int]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for seed, begin in enumerate(begins):
        champion = Learner.on(batch, process, begin, candidate={}, seed=seed)
        rng = np.random.default_rng(seed)
        until = begin + NEW
        wrong = _shuffled(batch, until - NEW, rng)
        found["shuffled labels refused"].append(not _passes(process, wrong, champion, until, NEW, rng))
        bad = Learner.on(_shuffled(batch, until, rng), process, until, candidate={}, seed=seed)
        back = _taken_back(batch, bad, champion, until, process.promotion)
        found["shuffled labels by force, taken back"].append(back is not None)
        found["after"] += [] if back is None else [back]
        good = Learner.on(batch, process, until, candidate={}, seed=seed)
        found["honest taken back"].append(_taken_back(batch, good, champion, until, process.promotion) is not None)
        for what, block in (("honest refused", FEW), ("honest refused, half seen", 2 * FEW)):
            found[what].append(not _passes(process, batch, champion, begin + FEW, block, rng))
    return found


def _passes(
    process: Process, batch: SampleBatch, champion: Learner, until: int, block: int, rng: np.random.Generator
) -> bool:
    """Whether every gate lets the recipe pass that learned without the newest block; latency is not measured."""
    first, truth = until - block, batch.target[until - block : until]
    said = Learner.on(batch, process, first, candidate={}, seed=champion.seed).predict(batch, first, until)
    evidence = Evidence(
        truth=truth,
        challenger=said.value,
        champion=champion.predict(batch, first, until).value,
        covered=said.covers(truth),
        coverage=process.model.coverage,
        retained=1.0,
        latency_ms=0.0,
    )
    return decide(assess(evidence, process.promotion, rng)).promote


def _taken_back(
    batch: SampleBatch, promoted: Learner, replaced: Learner, first: int, settings: Promotion
) -> int | None:
    """Samples after which the replaced release came back; None if the promoted one held its place."""
    until = first + WATCHED
    truth = batch.target[first:until]
    one, other = (learner.predict(batch, first, until).value for learner in (promoted, replaced))
    for n in range(LOOK, WATCHED + 1, LOOK):
        if not probation(truth[:n], one[:n], other[:n], settings, np.random.default_rng(n)).passed:
            return n
    return None


def _shuffled(batch: SampleBatch, until: int, rng: np.random.Generator) -> SampleBatch:
    """The labels before `until` in another order; those from there on are right."""
    return replace(batch, target=np.concatenate([rng.permutation(batch.target[:until]), batch.target[until:]]))
