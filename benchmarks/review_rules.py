"""What the queue's rules settle of the flagged samples, and what of it is wrong.

The stream of the benchmark `flags`: a fifth of the recordings carry a fault. Besides, 3 of 100 labels lie 3 to 6 sd of
the labels off, to either side. A label stands alone, so that no two can agree. A rule is wrong that accepts a label
that is wrong, or rejects a recording that carries no fault. Beside it: what share of all that is flagged that is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.flags import HISTORY, Told, play
from benchmarks.protocols import available, stream
from dq_pipeline.feedback.settling import clear
from dq_pipeline.feedback_section import Review
from dq_pipeline.process import Process
from dq_pipeline.records import PredictionRow, TargetRow

SHARE = 0.03
Mask = NDArray[np.bool_]
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: shares of the flagged samples."""
    rows: list[Row] = []
    for name in ("vacuum",) if short else available():
        process, batch = stream(name, 400 if short else None)
        batch = batch.take(np.flatnonzero(np.isfinite(batch.target)))
        rng = np.random.default_rng(0)
        off = np.zeros(len(batch), np.bool_)
        off[HISTORY[name] :] = rng.random(len(batch) - HISTORY[name]) < SHARE
        moved = rng.choice([-1.0, 1.0], len(batch)) * rng.uniform(3.0, 6.0, len(batch)) * batch.target.std()
        labelled = replace(batch, target=np.where(off, batch.target + moved, batch.target))
        told = play(process, labelled, HISTORY[name], "faults", np.random.default_rng(0))
        rows += _rows(f"review_rules/{name}", told, off[HISTORY[name] :], process)
    return rows


def _rows(case: str, told: Told, off: Mask, process: Process) -> Iterator[Row]:
    flagged = np.flatnonzero(told.flagged())
    settled, wrong = Counter[str](), Counter[str]()
    for i in flagged.tolist():
        found = _settled(told, i, process.quality.stated_threshold)
        if found is not None:
            settled[found.rule] += 1
            wrong[found.rule] += bool(off[i] if found.action == "accept" else not told.wrong[i])
    among = {"accept_within": float(off[flagged].mean()), "reject_below": float((~told.wrong[flagged]).mean())}
    yield _row(f"{case}: left to people", 1.0 - settled.total() / len(flagged), f"{len(flagged)} flagged")
    for rule, share in among.items():
        yield _row(f"{case}: settled by {rule}", settled[rule] / len(flagged))
        if settled[rule]:
            against = f"{share:.3f} of all that is flagged"
            yield _row(f"{case}: of these wrong, {rule}", wrong[rule] / settled[rule], against)


def _settled(told: Told, i: int, threshold: float) -> Any:
    value, lower, upper, label = told.answers[i].tolist()
    return clear(
        Review(),
        [kind for kind, mask in told.by_kind.items() if mask[i]],
        unified=float(told.unified[i]),
        threshold=threshold,
        answer=PredictionRow(str(i), "1", "champion", value, lower, upper, None, None, False),
        labels=[TargetRow(str(i), label, "labels")],
        scale=(upper - lower) / 2.0,
        classes=False,
    )


def _row(name: str, value: float, against: str | None = None) -> Row:
    return {
        "name": name,
        "value": float(f"{value:.4g}"),
        "unit": "share",
        "against": against,
        "bar": None,
        "holds": None,
    }
