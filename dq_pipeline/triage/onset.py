"""Where a change begins: the place that parts a stretch best, near the one that was suspected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift import relations
from dq_pipeline.triage.case import Case

Floats = NDArray[np.float64]

LEAST = 10
"""Samples from the change on that are kept, however late it seems to begin."""
_SURE = 12.0
_CLIP = 4.0


def begin_of(case: Case) -> int:
    """Place in `since` of the first changed sample; the suspected one where no other parts the stretch better."""
    since, n = case.since, len(case.since)
    most = n - LEAST
    if most <= 0:
        return case.begin
    series = _series(case)
    after = np.cumsum(series[::-1], axis=0)[::-1]
    count = np.arange(n, 0, -1)[:, None]
    gained = (after**2 / count)[: most + 1].max(axis=1)
    best = int(np.argmax(gained))
    suspected = int(np.clip(case.begin, 0, most))
    return best if gained[best] >= max(1.1 * gained[suspected], _SURE) else suspected


def _series(case: Case) -> Floats:
    """Standardised movements of levels, errors and gaps, (n, q), drawn in."""
    before, since = case.before, case.since
    levels = relations.levels_of(before.values), relations.levels_of(since.values)
    usual = relations.Levels.fit(levels[0])
    parts = [relations.shapes(usual.standardise(one)).reshape(len(one), -1) for one in levels]
    columns = [_standard(parts[0], parts[1])]
    known, new = before.target - before.value, since.target - since.value
    if np.isfinite(known).sum() >= LEAST:
        error = _standard(
            known[np.isfinite(known)][:, None], np.nan_to_num(new[:, None], nan=float(np.nanmedian(known)))
        )
        columns += [error, np.abs(error) - 0.8]
    columns.append(_standard(*(np.isnan(one.target)[:, None] * 1.0 for one in (before, since))))
    columns.append(_standard(*(np.isnan(one.values).mean(axis=(1, 2))[:, None] for one in (before, since))))
    return np.concatenate(columns, axis=1)


def _standard(known: Floats, new: Floats) -> Floats:
    return np.asarray(
        np.clip((new - np.median(known, axis=0)) / np.maximum(relations.spread(known), 1e-3), -_CLIP, _CLIP)
    )
