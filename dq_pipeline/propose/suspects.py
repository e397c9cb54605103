"""Columns that may be computed from the target: a model would read its answer there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dq_pipeline.propose.overview import Floats

CLOSE = 0.95
"""Correlation from which a person should look."""

_LEAST = 20


def suspects(values: Floats, target: Floats, sensors: Sequence[str]) -> dict[str, float]:
    """Sensors whose mean follows the target closely, and the correlation, from recording to recording.

    Parameters
    ----------
    values : (n, T, f)
        The rows the model sees; NaN where nothing was read.
    target : (n,)

    Examples
    --------
    >>> noise, y = np.random.default_rng(0).normal(size=(2, 50))
    >>> suspects(np.stack([noise, 2 * y + 0.1 * noise], axis=1)[:, None], y, ["p", "computed"])  # doctest: +ELLIPSIS
    {'computed': 0.99...}
    """
    found: dict[str, float] = {}
    for j, name in enumerate(sensors):
        there = ~np.isnan(values[:, :, j])
        count = there.sum(axis=1)
        mean = np.where(there, values[:, :, j], 0.0).sum(axis=1) / np.maximum(count, 1)
        known = (count > 0) & np.isfinite(target)
        x, y = mean[known], target[known]
        if len(x) >= _LEAST and np.ptp(x) > 0 and np.ptp(y) > 0:
            r = float(np.corrcoef(x, y)[0, 1])
            if abs(r) >= CLOSE:
                found[name] = r
    return found
