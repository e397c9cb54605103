"""What a sample still counts for in a refit, by its age."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Weighting = Literal["fading", "newest", "expanding"]


def refit_weights(kind: Weighting, ages: NDArray[np.integer[Any]] | Floats, scale: float, floor: float) -> Floats:
    """Weights of a refit's samples.

    Parameters
    ----------
    kind
        "fading": ``exp(-age / scale) + floor``, safe where the past may come back; "newest": 1 for the newest `scale`
        samples and 0 for all before, for processes that jump; "expanding": 1 for all, for those that turn with the
        seasons.
    ages : (n,)
        In samples; 0 is the newest.

    Examples
    --------
    >>> refit_weights("fading", np.array([2, 1, 0]), 1.0, 0.05).round(3).tolist()
    [0.185, 0.418, 1.05]
    >>> refit_weights("newest", np.array([2, 1, 0]), 2.0, 0.05).tolist()
    [0.0, 1.0, 1.0]
    """
    if kind == "fading":
        return np.asarray(np.exp(-np.asarray(ages) / scale) + floor, dtype=np.float64)
    if kind == "newest":
        return np.asarray(np.asarray(ages) < scale, dtype=np.float64)
    return np.ones(len(ages))
