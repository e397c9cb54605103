"""Which samples are good enough: the policy beside the score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def accept(unified: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Samples whose unified score reaches a fixed threshold.

    Examples
    --------
    >>> accept(np.array([0.1, 0.25, 0.9]), 0.25)
    array([False,  True,  True])
    """
    return unified >= threshold
