"""Slices: what changed in the make-up of the stream, and whether a change is in one part of it alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.triage.case import Stretch

Floats = NDArray[np.float64]

ANOTHER, MOSTLY = 0.5, 0.6
"""Share of the samples that must carry a value never seen before, or how far known values changed their shares."""
LEAST = 6
_MOST_VALUES = 20


@dataclass(frozen=True, slots=True)
class Announced:
    """A metadata key whose values changed: the new value, how far (total variation), and how far it usually does."""

    key: str
    value: str
    apart: float
    usual: float


def announced(before: Stretch, after: Stretch) -> Announced | None:
    """The key whose make-up changed most, None if none did clearly more than it does anyway."""
    found = []
    n = len(after)
    for key in _keys(before, after):
        was, now = _values(before, key), _values(after, key)
        if len(set(was)) > _MOST_VALUES or len(set(now)) > max(n // 2, 1):
            continue  # names of samples, not of a setting
        starts = range(0, len(was) - n + 1, max(n // 2, 1))
        usual = max((_apart(was[:t] + was[t + n :] or was, was[t : t + n]) for t in starts), default=0.0)
        apart, value = _apart(was, now), Counter(now).most_common(1)[0][0]
        new = sum(one not in set(was) for one in now) / n
        if new >= ANOTHER or (apart >= MOSTLY and apart >= usual + 0.3):
            found.append(Announced(key, value, round(apart, 3), round(usual, 3)))
    return max(found, key=lambda one: one.apart - one.usual, default=None)


def by_slice(before: Stretch, after: Stretch) -> tuple[Mapping[str, Any], ...]:
    """The error of each part of the stream since and before, for keys that divide it; for people and the record."""
    found: list[Mapping[str, Any]] = []
    for key in _keys(before, after):
        was, now = _values(before, key), _values(after, key)
        for value in sorted(set(now)):
            own = np.array([one == value for one in now])
            if not 0 < own.sum() < len(now) or own.sum() < LEAST:
                continue
            old = np.array([one == value for one in was])
            since, usual = _error(after, own), _error(before, old)
            if since is not None and usual is not None:
                row = {"slice": f"{key}={value}", "samples": int(own.sum()), "error": since, "before": usual}
                found.append(row)
    return tuple(found)


def by_annotator(after: Stretch, wild: NDArray[np.bool_]) -> tuple[str, float] | None:
    """The annotator most of the wild labels (n,) are of, and the share of theirs that is wild; None if nobody's."""
    if len(after.labels) != len(wild):
        return None
    of = [_who(said) for said in after.labels]
    blamed = Counter(one for one, bad in zip(of, wild.tolist(), strict=True) if bad and one)
    if not blamed:
        return None
    who, count = blamed.most_common(1)[0]
    if count < LEAST or count < 0.6 * wild.sum():
        return None
    return who, count / of.count(who)


def _who(said: Sequence[Mapping[str, Any]]) -> str:
    return next((str(one["annotator"]) for one in reversed(said) if one.get("annotator")), "")


def _keys(before: Stretch, after: Stretch) -> list[str]:
    found = {key for one in (*before.metadata, *after.metadata) for key in one}
    return [*sorted(found), *(["source"] if len({*before.source, *after.source}) > 1 else [])]


def _values(stretch: Stretch, key: str) -> list[str]:
    if key == "source":
        return list(stretch.source)
    return [str(one.get(key, "")) for one in stretch.metadata]


def _apart(a: Sequence[str], b: Sequence[str]) -> float:
    p, q = Counter(a), Counter(b)
    return 0.5 * sum(abs(p[k] / max(len(a), 1) - q[k] / max(len(b), 1)) for k in {*p, *q})


def _error(stretch: Stretch, chosen: NDArray[np.bool_]) -> float | None:
    error = np.abs(stretch.target - stretch.value)[chosen]
    seen = error[np.isfinite(error)]
    return round(float(seen.mean()), 6) if len(seen) >= LEAST else None
