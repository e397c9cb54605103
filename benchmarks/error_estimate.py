"""The error that is expected of a release before truths are known, in time order, beside what it turned out to be.

By blocks of 20 answers: how far the expected mean error lies off the observed one, as a share of the mean error of the
whole stream. Labels come 30 samples late. Baselines: the mean error at training, and that of the newest 20 labels.
Once a release answers 50 samples and the next one learns from all labels known by then, once the first one answers for
good, which shows what the estimate knows of a drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.protocols import PROCESSES, available, gated, stream
from dq_pipeline.feedback.expected_error import BLOCK, interval, log_ratio, scale
from dq_pipeline.model.features import Features
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.vacuum import VacuumDrift, simulate
from dq_pipeline.steps.error_model import error_of, fitted

HISTORY = {"hydraulic": 300, "skab": 250, "vacuum": 300, "vacuum, worn": 300}
EVERY, LATE = 60, 30
WORN_AT, WORN_OVER = 500, 150
Floats = NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Of each of n answers: observed and expected error, and of each block what was said before its labels came."""

    observed: Floats
    expected: Floats
    block_observed: Floats
    by_block: dict[str, Floats]
    held: NDArray[np.bool_]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: distance of the estimate from the truth beside its baselines."""
    rows: list[Row] = []
    names = ("vacuum, worn",) if short else (*available(), "vacuum, worn")
    for name in names:
        process, batch = _stream(name, 650 if short else None)
        for renewed in (True, False):
            case = f"error_estimate/{name}, {f'a release every {EVERY}' if renewed else 'never renewed'}"
            rows += _rows(case, _play(process, batch, HISTORY[name], renewed))
    return rows


def _stream(name: str, samples: int | None) -> tuple[Process, SampleBatch]:
    if name != "vacuum, worn":
        process, batch = stream(name, samples)
    else:
        process = load(PROCESSES / "vacuum.yaml")
        worn = VacuumDrift(WORN_AT, magnitude=2.0, over=WORN_OVER)
        batch = gated(process, simulate(samples or 900, np.random.default_rng(1), drift=worn)).in_order()
    return process, batch.take(np.flatnonzero(np.isfinite(batch.target))).head(process.sample.horizon_rows)


def _rows(case: str, played: Played) -> list[Row]:
    mean = float(played.observed.mean())
    off = {name: float(np.abs(said - played.block_observed).mean()) / mean for name, said in played.by_block.items()}
    beside = f"at training {off['at training']:.3g}, newest labels {off['newest labels']:.3g}"
    rank = spearmanr(played.expected, played.observed).statistic
    return [
        _row(f"{case}: off, without labels", off["without labels"], "of the mean error", beside),
        _row(f"{case}: off, scaled by labels", off["scaled"], "of the mean error", beside),
        _row(f"{case}: interval holds the block's mean", float(played.held.mean()), "share", "0.9 wanted"),
        _row(f"{case}: rank correlation by sample", float(rank), "", "0 of a constant"),
    ]


def _play(process: Process, batch: SampleBatch, begin: int, renewed: bool) -> Played:
    observed, expected, truth, held = [], [], [], []
    by_block: dict[str, list[float]] = {n: [] for n in ("without labels", "scaled", "at training", "newest labels")}
    n, seen = len(batch), np.empty(0)
    for first in range(begin, n, EVERY if renewed else n):
        until = min(first + EVERY, n) if renewed else n
        chosen = batch.take(np.arange(0, first - LATE))
        features = Features.fit(chosen, process.sample.horizon_rows)
        matrix = features.transform(chosen)
        names, rng = features.names, np.random.default_rng(first)
        training = train(matrix, chosen.target, process, feature_names=names, rng=rng, candidate={})
        errors = fitted(process, features, matrix, training, chosen.target)
        if errors is None:
            raise RuntimeError(f"{process.name}: an error model expected from {first - LATE} samples, found none")
        shown = batch.take(np.arange(first, until))
        rows = features.transform(shown)
        value = training.model.predict(rows).value
        off = error_of(shown.target, value, regression=process.target.task == "regression")
        said = errors.expected(rows, value)
        ratios = errors.ratios.tolist()
        for i in range(0, until - first - BLOCK + 1, BLOCK):
            block, known = slice(i, i + BLOCK), max(i - LATE, 0)
            factor, true = scale(off[:known], said[:known], errors.usual), float(off[block].mean())
            plain = float(said[block].mean())
            newest = np.concatenate([seen, off[:i]])[:-LATE][-BLOCK:]
            told = (plain, factor * plain, errors.usual, float(newest.mean()) if len(newest) else errors.usual)
            for name, figure in zip(by_block, told, strict=True):
                by_block[name].append(figure)
            whole = [log_ratio(off[k : k + BLOCK], factor * said[k : k + BLOCK], errors.usual) for k in _whole(known)]
            limits = interval(factor * plain, ratios + whole)
            held.append(limits is not None and limits[0] <= true <= limits[1])
            truth.append(true)
        observed.append(off)
        expected.append(said)
        seen = np.concatenate([seen, off])
    blocks = {name: np.array(figures) for name, figures in by_block.items()}
    return Played(np.concatenate(observed), np.concatenate(expected), np.array(truth), blocks, np.array(held))


def _whole(known: int) -> range:
    return range(0, known - BLOCK + 1, BLOCK)


def _row(name: str, value: float, unit: str, against: str) -> Row:
    return {"name": name, "value": float(f"{value:.3g}"), "unit": unit, "against": against, "bar": None, "holds": None}
