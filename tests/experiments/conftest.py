from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.experiments.experiment import Asked


@pytest.fixture(scope="session")
def asked() -> Asked:
    """A quick run without a data folder."""
    return Asked(quick=True, process_dir=Path(__file__).resolve().parents[2] / "dags" / "processes")


@pytest.fixture(scope="session")
def numpy_features() -> Callable[..., NDArray[np.float64]]:
    """The drift features of whole samples beside a reference, as their definitions read."""
    return features


def features(x: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seven features (n, 7, f) of samples (n, T, f) beside a reference of the same rows."""
    centre, sd = np.median(known, axis=(0, 1)), known.std(axis=(0, 1))
    x, usual = (x - centre) / sd, (known - centre) / sd
    clock = np.linspace(-1, 1, x.shape[1])
    about, about_usual = (one - one.mean(axis=1, keepdims=True) for one in (x, usual))
    covariance = np.cov(about_usual.reshape(-1, x.shape[2]).T, bias=True)
    covariance = 0.98 * covariance + 0.02 * np.diag(np.diag(covariance))
    inverse = np.linalg.inv(covariance)
    beyond = np.einsum("ntf,jf->ntj", about, inverse / np.diag(inverse)[:, None])
    low, high = np.quantile(usual, [0.1, 0.9], axis=(0, 1))
    return np.stack(
        [
            x.mean(axis=1),
            0.5 * np.log(about.var(axis=1)),
            0.5 * np.log((np.diff(x, axis=1) ** 2).mean(axis=1)),
            np.einsum("t,ntf->nf", clock, about) / (clock**2).sum(),
            np.maximum(x - high, 0).mean(axis=1),
            np.maximum(low - x, 0).mean(axis=1),
            0.5 * np.log((beyond**2).mean(axis=1)),
        ],
        axis=1,
    )


@pytest.fixture(scope="session")
def seven_statistics() -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The model's features of samples, as their definitions read."""
    return statistics


def statistics(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean, sd, least, most, first, last and slope (n, 7f) of samples (n, T, f), sensor by sensor."""
    rows, seen = values.shape[1], np.isfinite(values)
    first, last = seen.argmax(axis=1)[:, None], rows - 1 - seen[:, ::-1].argmax(axis=1)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where a sensor showed nothing at all
        clock = np.where(seen, np.linspace(-1, 1, rows)[:, None], np.nan)
        clock -= np.nanmean(clock, axis=1, keepdims=True)
        mean = np.nanmean(values, axis=1)
        slope = np.nansum(clock * (values - mean[:, None]), axis=1) / np.nansum(clock**2, axis=1)
        spread = [np.nanstd(values, axis=1), np.nanmin(values, axis=1), np.nanmax(values, axis=1)]
    ends = [np.take_along_axis(values, row, axis=1)[:, 0] for row in (first, last)]
    return np.stack([mean, *spread, *ends, slope], axis=2).reshape(len(values), -1)
