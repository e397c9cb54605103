"""Flags against injected truth, in time order: how much of it is flagged, and how much of what is well, by the budget.

`loop` is the demo's pump-down: 8 % of the recordings carry a fault, the pumps wear from recording 180 on, labels come
30 recordings late and 3 % of them are wrong, by 3 to 8 standard deviations of the model's error; mean of several seeds.
The other rows: a fifth of a stream carries a fault, or is drifted, read elsewhere, by a wrong gain or in another unit;
or nothing is put in. A release answers 50 recordings, then the next one learns from what was good enough. Beside the
flags: as many drawn at random, and as many of the lowest unified scores. `as one` means flagged or below the threshold:
what is rejected anyway needs no flag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.flag_streams import KINDS, Played, injected, loop
from benchmarks.protocols import available
from dq_pipeline.process import Process
from dq_pipeline.records import FlagKind

HISTORY = {"hydraulic": 300, "skab": 250, "vacuum": 300}
SEEDS = (16, 1, 2, 3, 4)
EVERY, SELDOM = 50, 120
RECALL, RATE = 0.8, 0.15
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: recall, rates and the two baselines; the loop alone if short."""
    played = [loop(seed, SELDOM if short else EVERY) for seed in SEEDS[: 1 if short else None]]
    rows = list(_loop([one for _, one in played], played[0][0].feedback.flags_per_100))
    for name in () if short else available():
        for kind in ("nothing", "faults", "drifted"):
            process, told = injected(name, HISTORY[name], kind, EVERY, None)
            rows += _rows(f"flags/{name}, {kind}", told, process)
    return rows


def _loop(played: Sequence[Played], budget: float) -> Iterator[Row]:
    flagged = [one.flagged() for one in played]
    pairs = list(zip(flagged, played, strict=True))
    rate, recall = _mean(flagged), np.mean([mask[one.wrong].mean() for mask, one in pairs])
    lowest = np.mean([_lowest(one, mask)[one.wrong].mean() for mask, one in pairs])
    least = min(mask[one.wrong].mean() for mask, one in pairs)
    most = max(mask.mean() for mask in flagged)
    yield _row("flags/loop/recall", float(recall), "share", f"least of {len(played)} seeds {least:.2f}") | {
        "bar": RECALL,
        "holds": bool(recall >= RECALL),
    }
    yield _row("flags/loop/rate", rate, "share", f"most of {len(played)} seeds {most:.3f}") | {
        "bar": RATE,
        "holds": bool(rate <= RATE),
    }
    yield _row("flags/loop/recall of as many lowest scores", float(lowest), "share", "the unified score alone")
    well = 100.0 * np.mean([mask[~one.wrong].mean() for mask, one in pairs])
    yield _row("flags/loop/flagged where nothing is wrong", float(well), "per 100", f"budget {budget:g}")
    for what in ("faulty", "mislabelled"):
        found = np.mean([mask[getattr(one, what)].mean() for mask, one in pairs])
        low = np.mean([_lowest(one, mask)[getattr(one, what)].mean() for mask, one in pairs])
        yield _row(f"flags/loop/recall of {what}", float(found), "share", f"the unified score alone {low:.2f}")
    for kind in KINDS:
        recall = np.mean([one.by_kind[kind][one.wrong].mean() for one in played])
        clean = f"{100.0 * np.mean([one.by_kind[kind][~one.wrong].mean() for one in played]):.1f}"
        yield _row(f"flags/loop/recall of {kind}", float(recall), "share", f"{clean} per 100 where nothing is wrong")


def _rows(case: str, told: Played, process: Process) -> Iterator[Row]:
    flagged, wrong = told.flagged(), told.wrong
    rate, budget = float(flagged.mean()), process.feedback.flags_per_100
    clean = 100.0 * flagged[~wrong].mean()
    if not wrong.any():
        low = 100.0 * float((~told.accepted).mean())
        yield _row(f"{case}: flagged", clean, "per 100", f"budget {budget:g}; below the threshold {low:.1f}")
        for kind, mask in told.by_kind.items():
            yield _row(f"{case}: flagged as {kind}", 100.0 * mask.mean(), "per 100")
        return
    yield _row(f"{case}: flagged", 100.0 * rate, "per 100")
    yield _row(f"{case}: flagged where nothing is wrong", clean, "per 100", f"budget {budget:g}")
    yield _row(f"{case}: recall", flagged[wrong].mean(), "share", f"at random {rate:.3f}")
    lowest = _lowest(told, flagged)[wrong].mean()
    yield _row(f"{case}: recall of as many lowest scores", lowest, "share", "the unified score alone")
    early = told.flagged(FlagKind.BEYOND_INTERVAL, FlagKind.LOW_SCORE, FlagKind.DOUBTFUL_SCORE)
    yield _row(f"{case}: recall with the answer", early[wrong].mean(), "share")
    either = flagged | ~told.accepted
    well = f"{100.0 * either[~wrong].mean():.1f} per 100 where nothing is wrong"
    yield _row(f"{case}: recall as one with the threshold", either[wrong].mean(), "share", well)
    for kind, mask in told.by_kind.items():
        well = f"{100.0 * mask[~wrong].mean():.1f} per 100 where nothing is wrong"
        yield _row(f"{case}: recall of {kind}", mask[wrong].mean(), "share", well)


def _lowest(told: Played, flagged: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """As many of the lowest unified scores as are flagged."""
    order = np.argsort(told.unified, kind="stable")
    return np.isin(np.arange(len(order)), order[: int(flagged.sum())])


def _mean(masks: Sequence[NDArray[np.bool_]]) -> float:
    return float(np.mean([mask.mean() for mask in masks]))


def _row(name: str, value: float, unit: str, against: str | None = None) -> Row:
    return {"name": name, "value": float(f"{value:.4g}"), "unit": unit, "against": against, "bar": None, "holds": None}
