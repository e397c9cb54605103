"""The error that is expected of the release in Production while truths are missing, beside the truth once it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.expected_error import BLOCK, ErrorModel, interval, log_ratio, scale
from dq_pipeline.ports import World
from dq_pipeline.records import Expected
from dq_pipeline.steps.error_model import error_of
from dq_pipeline.steps.serving import Serving, in_production

LAST = 200
_KEPT = 2000
"""Older answers of a release say nothing more about its scale."""

Floats = NDArray[np.float64]


def error_estimate(world: World, process: str, *, last: int = LAST) -> dict[str, Any]:
    """Expected and observed mean error of the newest `last` answers of the release in Production.

    Errors are absolute, in the target's unit; of classes, the share that is wrong. The expected ones are scaled by the
    labels that have come, each block's by those that had come before it.

    Returns
    -------
    dict
        `expected` with `low` and `high`, between which the mean error lies in 9 of 10 cases, of `n_expected` answers;
        `observed` of the `n_observed` whose truth is known; `ratio`, observed over expected of these; `scale` from
        `n_scale` labels. Beside them `usual`, the mean error at training, and `last_value`, that of the newest block
        of labels. `blocks`, oldest first, each with its own figures and baselines. `why` says why nothing is expected;
        the figures are None then.
    """
    settings = world.process(process)
    if world.ledger.production(process) is None:
        return _nothing(process, None, "no release answers yet")
    serving = in_production(world, process)
    model = serving.bundle.error_model
    if model is None:
        why = "it was made before there were any, or from too few samples"
        return _nothing(process, serving, f"release {serving.version} has no error model: {why}")
    rows = world.ledger.expected_errors(process, serving.version, last=max(last, _KEPT))
    if not rows:
        return _nothing(process, serving, f"release {serving.version} has not answered yet", model.usual)
    expected, observed = _errors(rows, regression=settings.target.task == "regression")
    known = np.isfinite(observed)
    factor = scale(observed[known], expected[known], model.usual)
    blocks, ratios = _blocks(rows, expected, observed, model)
    window = slice(max(len(rows) - last, 0), None)
    mean = factor * float(expected[window].mean())
    limits = interval(mean, ratios)
    seen = known[window]
    truth = float(observed[window][seen].mean()) if seen.any() else None
    said = factor * float(expected[window][seen].mean()) if seen.any() else 0.0
    newest = observed[known][-BLOCK:]
    return {
        **_nothing(process, serving, None, model.usual),
        "expected": mean,
        "low": None if limits is None else limits[0],
        "high": None if limits is None else limits[1],
        "n_expected": len(expected[window]),
        "observed": truth,
        "n_observed": int(seen.sum()),
        "ratio": None if truth is None or said <= 0.0 else truth / said,
        "scale": factor,
        "n_scale": int(known.sum()),
        "last_value": float(newest.mean()) if len(newest) else None,
        "blocks": blocks[-max(last // BLOCK, 1) :],
    }


def _errors(rows: Sequence[Expected], *, regression: bool) -> tuple[Floats, Floats]:
    """What was expected of each answer, and what was observed; NaN where the truth is not known."""
    truth = np.array([row.target for row in rows], dtype=np.float64)  # None is NaN
    found = error_of(truth, np.array([row.value for row in rows]), regression=regression)
    return np.array([row.expected_error for row in rows]), np.where(np.isnan(truth), np.nan, found)


def _blocks(
    rows: Sequence[Expected], expected: Floats, observed: Floats, model: ErrorModel
) -> tuple[list[dict[str, Any]], list[float]]:
    """Figures of each block by what was known when its first answer was given, and the log ratios known by now."""
    known_at = np.array([np.inf if row.known_at is None else row.known_at.timestamp() for row in rows])
    found = []
    ratios = [(-np.inf, ratio) for ratio in model.ratios.tolist()]
    for begin in range(len(rows) % BLOCK, len(rows), BLOCK):
        block, now = slice(begin, begin + BLOCK), rows[begin].at.timestamp()
        before = np.flatnonzero(known_at[:begin] < now)
        factor = scale(observed[before], expected[before], model.usual)
        mean = factor * float(expected[block].mean())
        limits = interval(mean, [ratio for since, ratio in ratios if since < now])
        seen = np.isfinite(observed[block])
        found.append(
            {
                "first": rows[begin].sample_id,
                "last": rows[begin + BLOCK - 1].sample_id,
                "expected": mean,
                "low": None if limits is None else limits[0],
                "high": None if limits is None else limits[1],
                "observed": float(observed[block][seen].mean()) if seen.any() else None,
                "n_expected": BLOCK,
                "n_observed": int(seen.sum()),
                "last_value": float(observed[before][-BLOCK:].mean()) if len(before) else None,
            }
        )
        if seen.sum() >= BLOCK / 2:
            told = log_ratio(observed[block][seen], factor * expected[block][seen], model.usual)
            ratios.append((float(known_at[block][seen].max()), told))
    return found, [ratio for _, ratio in ratios]


def _nothing(process: str, serving: Serving | None, why: str | None, usual: float | None = None) -> dict[str, Any]:
    figures = ("expected", "low", "high", "observed", "ratio", "scale", "last_value")
    counts = ("n_expected", "n_observed", "n_scale")
    return {
        "process": process,
        "release": None if serving is None else serving.version,
        "why": why,
        "usual": usual,
        **dict.fromkeys(figures),
        **dict.fromkeys(counts, 0),
        "blocks": [],
    }
