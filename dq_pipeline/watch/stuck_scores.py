"""Signature 4: the unified score says the same of every sample, or the learned scorer strays from the oracle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.watch.sign import Sign

Floats = NDArray[np.float64]

NEWEST = 50
"""Newest scores whose spread is held against the spread before them."""
BLOCKS = (2, 40)
"""Blocks of as many scores before them: so many are needed, and so many are looked at."""


def spread(scores: Floats) -> float:
    """Between which 80 % of the scores lie: the 90 % quantile less the 10 % one.

    Examples
    --------
    >>> round(spread(np.linspace(0.0, 1.0, 101)), 6), spread(np.full(50, 0.7))
    (0.8, 0.0)
    """
    low, high = np.quantile(scores, [0.1, 0.9])
    return float(high - low)


def narrowest(scores: Floats, now: float) -> float | None:
    """The smallest spread of any block of :data:`NEWEST` scores before the newest ones; None where there are too few.

    A share of bad samples near a quantile makes a block's spread wide or narrow by chance: the narrowest is what a
    spread that has collapsed is held against. Blocks right before the newest that are as narrow as these belong to the
    same collapse: a fast stream may have many of them before anybody looks.

    Parameters
    ----------
    scores : (n,)
        In stream order, without the newest ones.
    now
        Spread of the newest ones.

    Examples
    --------
    >>> wide, stuck = np.tile([0.2, 0.9], 100), np.full(200, 0.8)
    >>> round(narrowest(np.concatenate([wide, stuck]), 0.0), 6)
    0.7
    """
    count = min(len(scores) // NEWEST, BLOCKS[1])
    spreads = [spread(block) for block in np.split(scores[-count * NEWEST :], count)] if count else []
    while spreads and spreads[-1] <= 2.0 * now + 1e-9:
        spreads.pop()
    return min(spreads) if len(spreads) >= BLOCKS[0] else None


def stuck_scores(
    newest: Floats,
    usual: float | None,
    *,
    limit: float,
    beside: float | None = None,
    disagreement: float | None = None,
    tolerance: float = 1.0,
) -> Sign:
    """Has the score's spread collapsed, or does the learned scorer disagree with the direct one beyond the tolerance.

    Parameters
    ----------
    newest : (n,)
        The newest scores, by one release and one scorer.
    usual
        The narrowest spread before them; None where scores are too few.
    limit
        Collapsed is a spread of at most this share of the usual one.
    beside
        Spread of the direct scores among the newest samples, where a learned scorer is at work: what it should have
        been. None where there is no learned scorer, or too few direct scores.
    disagreement, tolerance
        Mean absolute difference of learned and direct scores of the same samples, None where not known.
    """
    found = spread(newest) if len(newest) >= NEWEST else None
    share = None if found is None or usual is None or not usual > 0.0 else found / usual
    collapsed = share is not None and share <= limit
    strays = disagreement is not None and disagreement > tolerance
    said = []
    if disagreement is not None:
        said.append(f"learned and direct scores differ by {disagreement:.3f}, tolerance {tolerance:g}")
    if share is not None and found is not None and usual is not None:
        said.append(f"spread of the newest {len(newest)} scores {found:.3g}, {share:.2g} of its narrowest, {usual:.3g}")
    else:
        said.append(f"{len(newest)} scores of this release, {NEWEST} needed, or nothing is usual yet")
    scorer = strays or (collapsed and beside is not None and usual is not None and beside > limit * usual)
    if collapsed and not scorer:
        said.append("what the samples show, or the reference, and not a learned scorer")
    known = share is not None or disagreement is not None
    return Sign(
        "stuck_scores",
        "sick" if collapsed or strays else "well" if known else "unknown",
        "; ".join(said),
        disagreement if strays else share,
        tolerance if strays else limit,
        below=not strays,
        evidence={
            "spread": found,
            "usual": usual,
            "beside": beside,
            "disagreement": disagreement,
            "tolerance": tolerance,
            "scorer": bool(scorer),
        },
    )
