"""How many samples a bad canary answers before it is let go, and how often a good one is let go.

Time-ordered: the release in Production learned from all before, then the canary's samples come in micro-batches of 25,
looked at after each, their truths at once or 100 samples late. A canary twice as bad: its answers are moved by a
constant, spoilt by noise, or each error is doubled, so that its error over the stretch is twice that of Production. An
equal one: the same recipe with another seed, each of the two in turn as the canary. `against` are the same looks with
a paired bootstrap at 95 %, which is made for one look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import available, stream
from benchmarks.table import row
from dq_pipeline.model.inference import Prediction
from dq_pipeline.process import Process
from dq_pipeline.release.bootstrap import compare
from dq_pipeline.release.rollout import Pairs, advise, takes
from dq_pipeline.replay.learner import Learner
from dq_pipeline.samples import SampleBatch

BEGIN, LENGTH, LOOK, LATE = 300, 400, 25, 100
SHARES = (0.05, 0.5)
MOST = 200
"""A canary twice as bad is to be let go before it answered so many."""
LEVEL = 0.05
BEGINS = 8
SIMULATED = 200
KINDS = ("moved", "noisy", "doubled")
_NEVER = 10**6

Floats = NDArray[np.float64]


def measure(short: bool) -> list[dict[str, Any]]:
    """Samples answered until let go, per process and share; shares of equal canaries let go."""
    rows = []
    for name in ("vacuum",) if short else available():
        process, batch = stream(name, 1000 if short else None)
        batch = batch.take(np.flatnonzero(np.isfinite(batch.target)))
        begins = np.linspace(BEGIN, len(batch) - LENGTH, 2 if short else BEGINS).astype(int).tolist()
        stretches = list(_stretches(process, batch, begins))
        rows += _bad(f"canary/{name}", process, stretches)
        rows += _equal(f"canary/{name}", process, stretches)
    for rho in (0.0, 0.8):
        rows += _simulated(process, rho, 20 if short else SIMULATED)
    return rows


Stretch = tuple[tuple[str, ...], Floats, Prediction, Prediction]
"""Ids, truth, and what two releases of one recipe say."""


def _stretches(process: Process, batch: SampleBatch, begins: list[int]) -> Iterator[Stretch]:
    for seed, begin in enumerate(begins):
        until = begin + LENGTH
        one, other = (Learner.on(batch, process, begin, candidate={}, seed=2 * seed + i) for i in range(2))
        said = [learner.predict(batch, begin, until) for learner in (one, other)]
        yield batch.ids[begin:until], batch.target[begin:until], said[0], said[1]


def _bad(case: str, process: Process, stretches: list[Stretch]) -> list[dict[str, Any]]:
    rows = []
    for late in (0, LATE):
        stops = [
            (ids, _let_go(process, _pairs(truth, _spoilt(kind, said, truth, seed), said), late), seed)
            for seed, (ids, truth, said, _) in enumerate(stretches)
            for kind in KINDS
        ]
        for share in SHARES:
            answered = np.array([_answered(ids, stop, share, seed) for ids, stop, seed in stops])
            what = f"{case}/twice as bad, share {share:g}{f', truths {late} late' if late else ''}"
            figure = float(np.quantile(answered, 0.95))
            rows.append(row(f"{what}, answered, median", float(np.median(answered)), "samples"))
            rows.append(row(f"{what}, answered, 95 %", figure, "samples", None, MOST, figure < MOST))
        rows.append(row(f"{case}/judged{f', truths {late} late' if late else ''}, median", _median(stops), "samples"))
    return rows


def _equal(case: str, process: Process, stretches: list[Stretch]) -> list[dict[str, Any]]:
    turns = [_pairs(truth, a, b) for _, truth, one, other in stretches for a, b in ((one, other), (other, one))]
    gone = float(np.mean([_let_go(process, pairs, 0) < _NEVER for pairs in turns]))
    naive = round(float(np.mean([_bootstrap(process, pairs) for pairs in turns])), 4)
    return [row(f"{case}/the same recipe let go", gone, "share", naive)]


def _simulated(process: Process, rho: float, trials: int) -> list[dict[str, Any]]:
    """Two models of exactly one error, neighbouring errors alike by rho, half of each shared."""
    gone, naive = [], []
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        common, one, other = (_series(rng, rho) for _ in range(3))
        a, b = (np.sqrt(0.5) * (common + own) for own in (one, other))
        said = [Prediction(value, value - 1.645, value + 1.645) for value in (a, b)]
        pairs = _pairs(np.zeros(LENGTH), said[0], said[1])
        gone.append(_let_go(process, pairs, 0) < _NEVER)
        naive.append(_bootstrap(process, pairs) if seed < 50 else np.nan)
    share, of_looks = float(np.mean(gone)), round(float(np.nanmean(naive)), 4)
    return [row(f"canary/simulated, rho {rho:g}/equal let go", share, "share", of_looks, LEVEL, share <= LEVEL)]


def _series(rng: np.random.Generator, rho: float) -> Floats:
    noise = rng.normal(size=LENGTH)
    for i in range(1, LENGTH):
        noise[i] = rho * noise[i - 1] + np.sqrt(1.0 - rho**2) * noise[i]
    return noise


def _spoilt(kind: str, said: Prediction, truth: Floats, seed: int) -> Prediction:
    """An answer whose mean absolute error over the stretch is twice that of the other, as near as a search comes."""
    direction = {
        "moved": np.ones(len(truth)),
        "noisy": np.random.default_rng(seed).normal(size=len(truth)),
        "doubled": said.value - truth,
    }[kind]
    wanted, low, high = 2.0 * float(np.abs(truth - said.value).mean()), 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2.0
        error = float(np.abs(truth - said.value - middle * direction).mean())
        low, high = (middle, high) if error < wanted else (low, middle)
    moved = low * direction
    return replace(said, value=said.value + moved, lower=said.lower + moved, upper=said.upper + moved)


def _pairs(truth: Floats, candidate: Prediction, champion: Prediction) -> Pairs:
    none = np.zeros(len(truth), dtype=np.bool_)
    bounds = (candidate.lower, candidate.upper, champion.lower, champion.upper)
    return Pairs(truth, candidate.value, champion.value, *bounds, none, none)


def _let_go(process: Process, pairs: Pairs, late: int) -> int:
    """Samples that had come when it is let go; a large number if it never is."""
    for stop in range(LOOK, len(pairs) + late + 1, LOOK):
        known = min(max(stop - late, 0), len(pairs))
        if known and advise(_first(pairs, known), process, known, _NEVER).action == "let_go":
            return stop
    return _NEVER


def _bootstrap(process: Process, pairs: Pairs) -> bool:
    settings, rng = process.promotion, np.random.default_rng(0)
    for stop in range(LOOK, len(pairs) + 1, LOOK):
        seen = _first(pairs, stop)
        if compare("mae", seen.truth, seen.candidate, seen.champion, settings.tolerance, rng).worse >= 1.0 - LEVEL:
            return True
    return False


def _first(pairs: Pairs, stop: int) -> Pairs:
    return Pairs(**{name: getattr(pairs, name)[:stop] for name in Pairs.__slots__})


def _answered(ids: tuple[str, ...], stop: int, share: float, seed: int) -> int:
    """Of the samples that had come, those that a canary of this share answered; the stretch goes on as it began."""
    if stop >= _NEVER:
        return _NEVER
    coming = [f"{ids[i % len(ids)]}/{i // len(ids)}" for i in range(stop)]
    return sum(takes(str(seed), name, share) for name in coming)


def _median(stops: list[tuple[tuple[str, ...], int, int]]) -> float:
    return float(np.median([stop for _, stop, _ in stops]))
