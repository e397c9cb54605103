"""How many well recordings score as low as one does, where some of those that are compared with may be faulty.

The scores of the newest recordings are a mixture: well ones, and an unknown share of faulty ones. What faulty ones look
like is known from the faults that were injected when the scorer was fitted. The largest share of them that the mixture
can hold is the smallest ratio of the two distribution functions; what is left below a score is the well ones' part.

References
----------
Blanchard, Lee & Scott (2010), Semi-Supervised Novelty Detection, JMLR 11, 2973-3009: the proportion of a mixture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ENOUGH = 0.2
"""Share of the injected faults below a score from which the two functions are compared there."""
MOST_WRONG = 0.5


def wrong_share(scores: Floats, injected: Floats) -> float:
    """The largest share of faulty recordings among scores (m,), if these look like the injected ones (q,).

    The share of scores below a cut counts two standard errors more: the smallest of many ratios is too small by chance.

    Examples
    --------
    >>> well, faulty = np.linspace(0.8, 1.0, 90), np.linspace(0.0, 0.7, 10)
    >>> wrong_share(np.concatenate([well, faulty]), np.linspace(0.0, 0.7, 50)).__round__(2)
    0.15
    >>> wrong_share(well, faulty)
    0.0
    """
    if not len(scores) or not len(injected):
        return 0.0
    cuts = np.unique(np.concatenate([scores, injected]))
    faulty = _share(injected, cuts)
    known = faulty >= ENOUGH
    below = _share(scores, cuts[known])
    below += 2.0 * np.sqrt(below * (1.0 - below) / len(scores))
    return float(np.min(below / faulty[known], initial=MOST_WRONG))


def well_p(unified: Floats, scores: Floats, injected: Floats) -> Floats:
    """Share (n,) of well recordings that score as low as `unified` (n,), estimated from a mixture; 1 where NaN.

    Without injected faults it is the conformal p-value against all scores.

    Examples
    --------
    >>> scores = np.concatenate([np.linspace(0.8, 1.0, 90), np.linspace(0.0, 0.7, 10)])
    >>> well_p(np.array([0.5, 0.82, 1.0]), scores, np.linspace(0.0, 0.7, 50)).round(2).tolist()
    [0.02, 0.06, 1.0]
    >>> well_p(np.array([0.5]), scores, np.empty(0)).round(2).tolist()
    [0.08]
    """
    wrong, count = wrong_share(scores, injected), len(scores)
    cuts = np.unique(scores)
    left = np.maximum.accumulate(np.append(0.0, _share(scores, cuts) - wrong * _share(injected, cuts)))
    below = left[np.searchsorted(cuts, np.nan_to_num(unified, nan=np.inf), side="right")]
    p = (1.0 + count * below) / (count * (1.0 - wrong) + 1.0)
    return np.where(np.isnan(unified), 1.0, np.minimum(p, 1.0))


def _share(values: Floats, cuts: Floats) -> Floats:
    """Share of values that are at most each cut; 0 of none."""
    found = np.searchsorted(np.sort(values), cuts, side="right") / max(len(values), 1)
    return np.asarray(found, dtype=np.float64)
