"""What the queue's rules settle of the flagged samples, and what of it is wrong.

The stream of the benchmark `flags`: the demo's, with faults, wear, and labels that come late and some of them wrong. Of
each sample there is one label, so that no two can agree. A rule is wrong that accepts a wrong label or a faulty
recording, or rejects a recording without a fault. Beside it: what share of all that is flagged that is, as a coin's
toss would be wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from benchmarks.flag_streams import Played, loop
from benchmarks.flags import EVERY, SEEDS, SELDOM
from dq_pipeline.feedback.settling import clear
from dq_pipeline.records import PredictionRow, TargetRow
from dq_pipeline.sections.feedback import Review

Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}: shares of the flagged samples."""
    settled, wrong = Counter[str](), Counter[str]()
    flagged, bad, clean = 0, 0, 0
    for seed in SEEDS[: 1 if short else None]:
        process, told = loop(seed, SELDOM if short else EVERY)
        chosen = np.flatnonzero(told.flagged())
        flagged, bad = flagged + len(chosen), bad + int(told.wrong[chosen].sum())
        clean += int((~told.faulty[chosen]).sum())
        for i in chosen.tolist():
            found = _settled(told, i, process.quality.stated_threshold)
            if found is not None:
                settled[found.rule] += 1
                wrong[found.rule] += bool(told.wrong[i] if found.action == "accept" else not told.faulty[i])
    rows = [_row("review_rules/left to people", 1.0 - settled.total() / flagged, f"{flagged} flagged")]
    for rule, otherwise in (("accept_within", bad), ("reject_below", clean)):
        rows.append(_row(f"review_rules/settled by {rule}", settled[rule] / flagged, f"{settled[rule]} samples"))
        if settled[rule]:
            against = f"{otherwise / flagged:.3f} of all that is flagged"
            rows.append(_row(f"review_rules/of these wrong, {rule}", wrong[rule] / settled[rule], against))
    return rows


def _settled(told: Played, i: int, threshold: float) -> Any:
    value, lower, upper, label = told.answers[i].tolist()
    return clear(
        Review(accept_within=0.25),
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
