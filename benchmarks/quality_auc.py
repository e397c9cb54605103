"""How well the unified score tells faulty samples from clean ones, in the order of their time.

A fifth of the samples carry one of nine faults, severity uniform in [0.1, 1], sizes in robust standard deviations
of the stream; micro-batches of 25. The reference is the first 200 samples for ever, or the 200 clean ones before each
micro-batch. AUC over all micro-batches pooled, for every unifier and, with the default one, every kind of fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.protocols import available, put_faults, scale_of, stream
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import late_share
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.quality.unified import UNIFIERS, Unified
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import FAULTS

REFERENCE, BLOCK = 200, 25
LOW = 0.25
BARS = {
    ("hydraulic", "renewed"): 0.93,
    ("skab", "renewed"): 0.93,
    ("hydraulic", "never renewed"): 0.88,
    ("skab", "never renewed"): 0.88,
    ("vacuum", "renewed"): 0.95,
    ("vacuum", "never renewed"): 0.95,
}
Row = dict[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Scores of all micro-batches by unifier, and the kind of fault of each sample."""

    scores: dict[str, Floats]
    kind: NDArray[np.str_]

    def auc(self, unifier: str, kind: str | None = None) -> float:
        """Area under the curve of faulty (of one kind, or of any) against clean samples."""
        clean = self.kind == ""
        judged = clean | ((self.kind == kind) if kind else ~clean)
        if clean[judged].all():
            return float("nan")
        return float(roc_auc_score(~clean[judged], -self.scores[unifier][judged]))


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}; `short` looks at fewer samples, once."""
    rows: list[Row] = []
    for name in available():
        process, batch = stream(name, 300 if short else None)
        batch = batch.head(process.sample.profile_rows)
        for way in ("renewed", "never renewed"):
            seeds = range(1 if short or way == "renewed" else 3)
            found = [run(process, batch, renew=way == "renewed", seed=seed) for seed in seeds]
            rows += _rows(f"{name}, {way}", found, BARS[name, way])
    return rows


def run(process: Process, batch: SampleBatch, *, renew: bool, seed: int) -> Pooled:
    """Score a stream from its 201st sample on, by every unifier.

    Sizes of the faults put in are those of the whole stream, which does not depend on how it is scored; the scorers
    know the spread of their reference alone.
    """
    spread, rng = scale_of(batch), np.random.default_rng(seed)
    scores: dict[str, list[Floats]] = {name: [] for name in UNIFIERS}
    kinds = []
    scorers: dict[str, QualityScorer] = {}
    for begin in range(REFERENCE, len(batch) - BLOCK + 1, BLOCK):
        known = batch.take(np.arange(begin - REFERENCE, begin))
        if renew or not scorers:
            scorers = fit(process, known, rng)
        block = put_faults(batch.take(np.arange(begin, begin + BLOCK)), process, spread, rng)
        profiled = profile(block.batch, scorers["pca"].reference)
        for name, scorer in scorers.items():
            scores[name].append(scorer.score(profiled).unified)
        kinds.append(block.kind)
    return Pooled({name: np.concatenate(found) for name, found in scores.items()}, np.concatenate(kinds))


def fit(process: Process, known: SampleBatch, rng: np.random.Generator) -> dict[str, QualityScorer]:
    """One scorer a unifier, on the same reference."""
    reference = Reference.fit(known, process)
    faulty = profile(put_faults(known, process, scale_of(known), rng).batch, reference)
    scorer = QualityScorer.fit(reference, profile(known, reference), faulty, rng=rng)
    dimensions = scorer.unite(scorer.measure(faulty), late_share(faulty)).dimensions
    return {name: replace(scorer, unified=Unified.fit(dimensions, name)) for name in UNIFIERS}


def _rows(title: str, found: list[Pooled], bar: float) -> list[Row]:
    def row(what: str, values: list[float], bar: float | None = None, unit: str = "AUC") -> Row:
        value = float(np.median(values))
        holds = None if bar is None else value >= bar
        return {
            "name": f"quality/{title}: {what}",
            "value": round(value, 3),
            "unit": unit,
            "against": "clean samples" if unit == "AUC" else "",
            "bar": bar,
            "holds": holds,
        }

    rows = [row("unified score", [one.auc("pca") for one in found], bar)]
    rows += [row(f"unifier {name}", [one.auc(name) for one in found]) for name in UNIFIERS if name != "pca"]
    rows += [row(kind, [one.auc("pca", kind) for one in found]) for kind in FAULTS]
    low = [float((one.scores["pca"][one.kind == ""] < LOW).mean()) for one in found]
    return [*rows, row(f"clean samples under {LOW}", low, unit="share")]
