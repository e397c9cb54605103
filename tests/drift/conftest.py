"""Small streams as detectors read them."""

from __future__ import annotations

import numpy as np
import pytest

ROWS = 60


@pytest.fixture(scope="session")
def readings_of():
    """Readings (n, 37, f) of samples of 60 standard normal rows, the last part of them changed in one sensor."""

    def build(rng, n, sensors, change=None, size=0.6, level=0.3):
        rows = rng.normal(size=(n, ROWS, sensors)) + level * rng.normal(size=(n, 1, sensors))
        if change is not None:
            kind, at, sensor = change
            moved = rows[at:, :, sensor]
            if kind == "mean":
                moved += size
            elif kind == "spread":
                moved *= 1.0 + size
            elif kind == "missing":
                moved[:, ::3] = np.nan
        edges = 3.2 * np.linspace(-1, 1, 33)[1:-1]
        cells = np.where(np.isnan(rows), 32, np.digitize(rows, edges))
        counts = np.stack([(cells == k).sum(axis=1) for k in range(33)], axis=1)
        mean, sd = np.nanmean(rows, axis=1), np.nanstd(rows, axis=1)
        rough = 0.5 * np.log(np.nanmean(np.diff(rows, axis=1) ** 2, axis=1))
        clock = np.linspace(-1, 1, ROWS)[None, :, None]
        slope = np.nanmean(clock * (rows - mean[:, None]), axis=1)
        return np.concatenate([np.stack([mean, np.log(sd), rough, slope], axis=1), counts], axis=1)

    return build
