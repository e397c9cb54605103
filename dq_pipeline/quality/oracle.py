"""The oracle: the direct score of a share of the samples, beside what the learned scorer said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST = 20
"""Re-scored samples below which nothing is said about the learned scorer."""


def chosen(ids: Sequence[str], share: float) -> NDArray[np.bool_]:
    """Which samples (n,) are re-scored: a hash of the id decides, so that a second attempt chooses the same ones.

    Examples
    --------
    >>> chosen(["a", "b", "c", "d"], 0.5).tolist()
    [False, True, False, False]
    """
    digests = (hashlib.sha256(f"oracle {name}".encode()).digest()[:8] for name in ids)
    drawn = np.array([int.from_bytes(digest, "big") / 2.0**64 for digest in digests], dtype=np.float64)
    return np.asarray(drawn < share, dtype=np.bool_)


def disagreement(direct: NDArray[np.float64], learned: NDArray[np.float64]) -> float | None:
    """Mean absolute difference of the two scores; None for fewer than `LEAST` samples.

    Examples
    --------
    >>> disagreement(np.ones(20), np.full(20, 0.75))
    0.25
    """
    return float(np.mean(np.abs(direct - learned))) if len(direct) >= LEAST else None
