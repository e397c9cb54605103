"""What the learned scorer sees of a recording: statistics and order statistics of columns, in the reference's units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.kernel import longest_runs

Floats = NDArray[np.float64]

ORDER = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Quantiles; the first and the last are the extremes."""
COLUMN = (
    "mean",
    "sd",
    *(f"q{round(100 * q):02d}" for q in ORDER),
    "roughness",
    "step",
    "spike",
    "beyond",
    "jumps",
    "missing",
    "run",
)
STRUCTURAL = ("missing", "run", "late")
"""Not relative to the window: a defect whoever shares it."""
_FARTHEST, _ENVELOPE = 50.0, 2.0


def names(sensors: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the features, in their order."""
    over = tuple(f"{over}.{statistic}" for over in ("average", "lowest", "highest") for statistic in COLUMN)
    return (*(f"{sensor}.{statistic}" for sensor in sensors for statistic in COLUMN), *over, "late")


def structural(sensors: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which features (k,) are not relative to the window."""
    return np.array([name.rsplit(".", 1)[-1] in STRUCTURAL for name in names(sensors)])


def recording_features(values: Floats, late: Floats, reference: Reference) -> Floats:
    """Features of recordings.

    Readings are taken relative to the reference's median of their row, in quarters of its envelope's width.

    Parameters
    ----------
    values : (n, T, f)
        In the sensors' units; a cell that is not finite is missing.
    late : (n,)
        Share of rows that came out of order.

    Returns
    -------
    (n, 16 f + 49)
        Dimensionless; 0 where a sensor shows nothing.
    """
    x = np.ascontiguousarray(np.where(np.isfinite(values), values, np.nan))
    width = (reference.upper - reference.lower) / 4.0
    scale = np.where(np.isfinite(width), np.maximum(width, reference.floor[:, None]), 1.0)
    z = (x.transpose(0, 2, 1) - np.nan_to_num(reference.median)) / scale
    z = np.clip(z, -_FARTHEST, _FARTHEST)
    here = ~np.isnan(z)
    count = here.sum(axis=2)
    some = np.maximum(count, 1)
    mean = np.where(here, z, 0.0).sum(axis=2) / some
    spread = np.sqrt(np.where(here, (z - mean[..., None]) ** 2, 0.0).sum(axis=2) / some)
    ordered = np.sort(z, axis=2)
    at = [np.rint(q * np.maximum(count - 1, 0)).astype(np.int64)[..., None] for q in ORDER]
    quantiles = [np.take_along_axis(ordered, index, axis=2)[..., 0] for index in at]
    steps = np.abs(np.diff(z, axis=2))
    seen = ~np.isnan(steps)
    steps = np.where(seen, steps, 0.0)
    roughness = np.sqrt((steps**2).sum(axis=2) / np.maximum(seen.sum(axis=2), 1))
    before, middle, after = z[..., :-2], z[..., 1:-1], z[..., 2:]
    off = np.maximum(middle - np.maximum(before, after), np.minimum(before, after) - middle)
    spike = np.where(np.isnan(off), 0.0, off).max(axis=2, initial=0.0)
    rows = values.shape[1]
    missing, run = 1.0 - count / rows, longest_runs(x) / rows
    step = steps.max(axis=2, initial=0.0)
    beyond = np.where(here, np.abs(z) > _ENVELOPE, False).sum(axis=2) / some
    jumps = (steps > _ENVELOPE / 2.0).sum(axis=2) / some
    columns = np.stack([mean, spread, *quantiles, roughness, step, spike, beyond, jumps, missing, run], axis=-1)
    columns = np.nan_to_num(columns)
    over = np.concatenate([columns.mean(axis=1), columns.min(axis=1), columns.max(axis=1)], axis=1)
    return np.concatenate([columns.reshape(len(values), -1), over, late[:, None]], axis=1)
