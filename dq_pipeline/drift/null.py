"""What a window of samples shows by chance: the null of its divergences and moments, found in the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.long_run import variance_factors
from dq_pipeline.errors import DataError
from dq_pipeline.profile.drift_features import FEATURES
from dq_pipeline.profile.profile import Profile

Floats = NDArray[np.float64]

MOMENTS = FEATURES[:4]
"""Mean, spread, roughness and slope: what a window is tested by beside its histogram."""
COMBINED = ("jsd", "moments")
"""What the combined statistic is made of."""
COMPONENTS = 12
"""Leading principal components of a sensor's histogram whose persistence is allowed for."""

_SD_FLOOR = 1e-9


@dataclass(frozen=True, eq=False)
class Null:
    """A reference, and what windows of it look like where nothing drifts.

    Attributes
    ----------
    samples, window
        N samples of the reference; W samples in a window.
    histogram : (f, 33)
        Cells of the reference's samples, per sample.
    mean, scale : (4, f)
        Of the moments: their means over the reference, and the standard error of a window's mean against the
        reference's, the persistence of the stream allowed for.
    divergences : (5, B, f)
        Of each drawn window, in the order of `DIVERGENCES`.
    moments : (B, f)
        The largest ``|z|`` over the four moments.
    persistent
        How many sensors' means wander too slowly for a reference of this length.
    """

    samples: int
    window: int
    histogram: Floats
    mean: Floats
    scale: Floats
    divergences: Floats
    moments: Floats
    persistent: int

    @property
    def sensors(self) -> int:
        """Number of sensors."""
        return int(self.histogram.shape[0])

    @property
    def draws(self) -> int:
        """B, how many windows were drawn."""
        return int(self.moments.shape[0])

    def z(self, moments: Floats) -> Floats:
        """Standardised shift (4, f) of a window's mean moments (4, f)."""
        return np.asarray((moments - self.mean) / self.scale)

    def p_values(self, divergences: Floats, moments: Floats) -> tuple[Floats, Floats]:
        """P-values of each sensor's divergences (5, f) and of its largest ``|z|`` (f,), each sensor on its own.

        ``(1 + #{null >= observed}) / (B + 1)``: the observed window counts as one of the draws.
        """
        more = (self.divergences >= divergences[:, None]).sum(axis=1)
        wider = (self.moments >= moments).sum(axis=0)
        return (1.0 + more) / (self.draws + 1.0), (1.0 + wider) / (self.draws + 1.0)

    def excess(self, name: str, observed: Floats) -> Floats:
        """How far each sensor's divergence, or `moments`, lies above its draws' mean, in their deviations (f,)."""
        drawn = self.moments if name == "moments" else self.divergences[tuple(DIVERGENCES).index(name)]
        return np.asarray(np.maximum((observed - drawn.mean(axis=0)) / np.maximum(drawn.std(axis=0), 1e-12), 0.0))

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """What a window is judged by over all sensors, as the draws showed it: largest and mean, by name."""
        return MappingProxyType(
            {name: _part(self.divergences[d]) for d, name in enumerate(DIVERGENCES)} | {"moments": _part(self.moments)}
        )

    def p_value(self, statistic: str, divergences: Floats, moments: Floats) -> float:
        """P-value of a window over all sensors.

        The statistic is the largest ``-log p`` of the largest and the mean over sensors of one divergence; `combined`
        takes both of the Jensen-Shannon divergence and of the moments' ``|z|``.

        Parameters
        ----------
        statistic
            "combined" or a name of `DIVERGENCES`.
        divergences, moments : (5, f), (f,)
            Observed.
        """
        names = COMBINED if statistic == "combined" else (statistic,)
        fewest = np.full(self.draws, self.draws + 1)
        own, order = self.draws + 1, tuple(DIVERGENCES)
        for name in names:
            found = moments if name == "moments" else divergences[order.index(name)]
            part = self.parts[name]
            for value, null, atleast in zip((found.max(), found.mean()), part.values, part.atleast, strict=True):
                own = min(own, 1 + int((null >= value).sum()))
                fewest = np.minimum(fewest, atleast + (value >= null))
        return float((1 + (fewest <= own).sum()) / (self.draws + 1.0))

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Null:
        """The null whose arrays by name these are."""
        plain: dict[str, Any] = dict(arrays)
        plain |= {name: int(arrays[name]) for name in ("samples", "window", "persistent")}
        return cls(**plain)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Largest and mean over sensors of the drawn windows, (2, B), and how many draws reach each, itself included."""

    values: Floats
    atleast: NDArray[np.int64]


def _part(drawn: Floats) -> Part:
    values = np.stack([drawn.max(axis=1), drawn.mean(axis=1)])
    ordered = np.sort(values, axis=1)
    below = np.stack([np.searchsorted(line, own) for line, own in zip(ordered, values, strict=True)])
    return Part(values, drawn.shape[0] - below)


def fit_null(histogram: NDArray[Any], moments: Floats, *, window: int, draws: int, rng: np.random.Generator) -> Null:
    """Draw windows from consecutive samples and widen them by what the samples remember of each other.

    Each draw takes W samples of the reference against the rest. Samples of a stream resemble their neighbours, which
    such draws know nothing of: each of the 12 leading principal components of a sensor's histogram deviation is
    scaled by the root of its long-run variance factor, and so is the standard error of each moment.

    Parameters
    ----------
    histogram : (N, f, 33)
        Cells of each sample by bins of the whole recording; the last bin holds the missing ones.
    moments : (N, 4, f)
        Mean, spread, roughness and slope of each sample; NaN is missing.
    window
        W. Where it is more than half the reference, half is drawn and scaled.

    Raises
    ------
    DataError
        If there are fewer than 20 samples or draws, or the shapes do not fit.
    """
    if histogram.ndim != 3 or moments.shape != (histogram.shape[0], len(MOMENTS), histogram.shape[1]):
        raise DataError(
            f"Expected histograms (N, f, 33) and moments (N, 4, f), found {histogram.shape}, {moments.shape}"
        )
    if len(histogram) < 20 or draws < 20 or window < 1:
        raise DataError(
            f"Expected at least 20 reference samples, 20 draws and a window of 1 sample; found {len(histogram)}, "
            f"{draws} and {window}"
        )
    n, sensors, _ = histogram.shape
    drawn = min(window, n // 2)
    shares = np.asarray(histogram, np.float64)
    cells = np.maximum(shares.sum(axis=2, keepdims=True), 1.0)
    shares = shares / cells
    mean, filled, sd = _standard(moments)
    factors = variance_factors(filled.reshape(n, -1)).reshape(mean.shape)
    scale = sd * np.sqrt(factors * (1.0 / window + 1.0 / n))
    chosen = np.argpartition(rng.random((draws, n)), drawn - 1, axis=1)[:, :drawn]
    member = np.zeros((draws, n))
    np.put_along_axis(member, chosen, 1.0, axis=1)
    contrast = member / drawn - (1.0 - member) / (n - drawn)
    contrast /= np.sqrt(1.0 / drawn + 1.0 / (n - drawn))
    z = np.abs(contrast @ (filled / sd).reshape(n, -1)).reshape(draws, *mean.shape)
    contrast *= np.sqrt(1.0 / window + 1.0 / n)
    reference = np.asarray(histogram, np.float64).mean(axis=0)
    usual = shares.mean(axis=0)
    divergences = np.empty((len(DIVERGENCES), draws, sensors))
    for j in range(sensors):
        deviations = contrast @ _widened(shares[:, j] - usual[j])
        windows = np.maximum(usual[j] + deviations, 0.0)
        windows *= window * reference[j].sum() / windows.sum(axis=1, keepdims=True)
        for d, divergence in enumerate(DIVERGENCES.values()):
            divergences[d, :, j] = divergence(windows, n * reference[j])
    return Null(
        samples=n,
        window=window,
        histogram=reference,
        mean=mean,
        scale=scale,
        divergences=divergences,
        moments=z.max(axis=1),
        persistent=int((factors[0] > 20.0).sum()),
    )


def moments_of(profile: Profile) -> Floats:
    """Mean, spread, roughness and slope (n, 4, f) of single samples."""
    return np.asarray(profile.drift_features[:, : len(MOMENTS)])


def mean_moments(moments: Floats, instead: Floats) -> Floats:
    """Means (4, f) over samples (n, 4, f); a missing moment counts as `instead` (4, f)."""
    return np.asarray(np.where(np.isnan(moments), instead, moments).mean(axis=0))


def _standard(moments: Floats) -> tuple[Floats, Floats, Floats]:
    """Means (4, f), deviations (N, 4, f) with 0 for what is missing, and their standard deviations (4, f)."""
    here = ~np.isnan(moments)
    mean = np.where(here, moments, 0.0).sum(axis=0) / np.maximum(here.sum(axis=0), 1)
    filled = np.where(here, moments - mean, 0.0)
    return mean, filled, np.maximum(filled.std(axis=0), _SD_FLOOR)


def _widened(deviations: Floats) -> Floats:
    """Deviations (N, 33) of one sensor with their leading components scaled by what they remember."""
    vectors = np.linalg.eigh(deviations.T @ deviations)[1][:, ::-1][:, :COMPONENTS]
    scores = deviations @ vectors
    grown = np.sqrt(variance_factors(scores)) - 1.0
    return np.asarray(deviations + (scores * grown) @ vectors.T)
