"""Where a change begins: the place that parts a stretch best, near the one that was suspected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from dq_pipeline.drift import relations
from dq_pipeline.triage.answers import LEAST_BEFORE
from dq_pipeline.triage.case import Case

Floats = NDArray[np.float64]

LEAST = 10
"""Samples from the change on that are kept, however late it seems to begin."""
_SURE = 12.0
_CLIP = 4.0


def begin_of(case: Case, *, errors: bool = False) -> int:
    """Place in `since` of the first changed sample; the suspected one where no other parts the stretch better.

    Parameters
    ----------
    errors
        The error is what made somebody ask: where it parts the stretch, it alone says from where on.
    """
    most = len(case.since) - LEAST
    if most <= 0:
        return case.begin
    suspected = int(np.clip(case.begin, 0, most))
    of_errors = _of_errors(case)
    if errors:
        by_themselves = _among_themselves(case)
        if by_themselves is not None:
            return by_themselves
        best, gained = _best(of_errors, most)
        if gained[best] >= _SURE:
            return best
    best, gained = _best(np.concatenate([_of_inputs(case), of_errors], axis=1), most)
    return best if gained[best] >= max(1.1 * gained[suspected], _SURE) else suspected


def _best(series: Floats, most: int) -> tuple[int, Floats]:
    """The place up to `most` from which on a column of (n, q) differs most, and how much each place parts."""
    after = np.cumsum(series[::-1], axis=0)[::-1]
    count = np.arange(len(series), 0, -1)[:, None]
    gained = (after**2 / count)[: most + 1].max(axis=1)
    return int(np.argmax(gained)), gained


def _among_themselves(case: Case) -> int | None:
    """Where the errors since part in two, if too few are known before: a release that has hardly answered yet.

    Enough are left on the first side to tell what is usual. None where errors are known before, or nothing parts them.
    """
    error = case.since.target - case.since.value
    seen = np.flatnonzero(np.isfinite(error))
    n = len(seen)
    known = int(np.isfinite(case.before.target - case.before.value).sum())
    if known >= LEAST_BEFORE or n < LEAST_BEFORE + LEAST:
        return None
    both = np.stack([error[seen], np.abs(error[seen] - np.median(error[seen]))])
    scores = norm.ppf(rankdata(both, axis=1) / (n + 1.0))
    count = np.arange(1, n)
    gained = (np.cumsum(scores, axis=1)[:, :-1] ** 2 * n / (count * (n - count))).max(axis=0)
    gained[: LEAST_BEFORE - 1] = gained[n - LEAST :] = 0.0
    first = int(np.argmax(gained))
    return int(seen[first + 1]) if gained[first] >= _SURE else None


def _of_inputs(case: Case) -> Floats:
    """Standardised movements of levels and gaps, (n, q), drawn in."""
    before, since = case.before, case.since
    levels = relations.levels_of(before.values), relations.levels_of(since.values)
    usual = relations.Levels.fit(levels[0])
    parts = [relations.shapes(usual.standardise(one)).reshape(len(one), -1) for one in levels]
    gaps = [np.isnan(one.values).mean(axis=(1, 2))[:, None] for one in (before, since)]
    return np.concatenate([_standard(*parts), _standard(*gaps)], axis=1)


def _of_errors(case: Case) -> Floats:
    """The same of errors, of their size, and of labels that are missing; no columns where too few errors are known."""
    before, since = case.before, case.since
    gone = _standard(*(np.isnan(one.target)[:, None] * 1.0 for one in (before, since)))
    known, new = before.target - before.value, since.target - since.value
    known = known[np.isfinite(known)]
    if len(known) < LEAST:
        return gone
    error = _standard(known[:, None], np.nan_to_num(new[:, None], nan=float(np.median(known))))
    usual = np.abs(_standard(known[:, None], known[:, None])).mean()
    return np.concatenate([error, np.abs(error) - usual, gone], axis=1)


def _standard(known: Floats, new: Floats) -> Floats:
    off = (new - np.median(known, axis=0)) / np.maximum(relations.spread(known), 1e-3)
    return np.asarray(np.clip(off, -_CLIP, _CLIP))
