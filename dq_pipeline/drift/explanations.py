"""What a sensor's readings became of what its neighbours say it should read: another unit, a gain, an offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline import units

Floats = NDArray[np.float64]

POWERS = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
"""Factors of a slipped decimal point or prefix."""
_OUTLYING = 9.0
_ALIKE = 4.0
"""Samples in a row resemble each other: a free parameter costs what it would for so many times fewer."""
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the sensor shows is ``gain * (what it should read) + offset``.

    Attributes
    ----------
    kind
        "none": it reads what it should.
    text
        For people.
    loss
        Twice the negative log likelihood of a sample, outliers bounded, plus what the free parameters cost (BIC).
    """

    kind: Literal["none", "unit", "sign", "gain", "offset", "gain and offset"]
    gain: float
    offset: float
    text: str
    loss: float


def explain(shown: Floats, expected: Floats, sd: Floats, unit: str) -> tuple[Explanation, ...]:
    """Every explanation of what a sensor shows, the best first.

    Parameters
    ----------
    shown, expected : (n, K)
        The sensor's levels, and what its neighbours say they should be; NaN where nothing was read.
    sd : (K,)
        Of the difference of the two while the sensor was well.
    unit
        Of the sensor; its conversions into and from other units are tried, and slipped decimal points.

    Examples
    --------
    >>> truth = np.random.default_rng(1).normal(20.0, 5.0, (30, 3))
    >>> explain(truth * 1.8 + 32.0, truth, np.ones(3), "degC")[0].text
    'reads degF for degC'
    """
    found = [_scored("none", 1.0, 0.0, "unchanged", shown, expected, sd, 0)]
    for gain, offset, text in conversions(unit):
        found.append(_scored("unit", gain, offset, text, shown, expected, sd, 0))
    found.append(_scored("sign", -1.0, 0.0, "its sign is turned", shown, expected, sd, 0))
    gain, offset = _fit(shown, expected, sd, with_gain=True, with_offset=False)
    found.append(_scored("gain", gain, offset, f"gain {gain:.4g}", shown, expected, sd, 1))
    gain, offset = _fit(shown, expected, sd, with_gain=False, with_offset=True)
    found.append(_scored("offset", gain, offset, f"offset {offset:+.4g} {unit}", shown, expected, sd, 1))
    gain, offset = _fit(shown, expected, sd, with_gain=True, with_offset=True)
    text = f"gain {gain:.4g} and offset {offset:+.4g} {unit}"
    found.append(_scored("gain and offset", gain, offset, text, shown, expected, sd, 2))
    return tuple(sorted(found, key=lambda one: one.loss))


def conversions(unit: str) -> list[tuple[float, float, str]]:
    """Exact ``shown = gain * truth + offset`` of a sensor that is read or sent in another unit, with words for each.

    Slipped decimal points first, then conversions out of its unit and into it.
    """
    found = [(factor, 0.0, f"a factor of {factor:g}") for factor in POWERS]
    for other, known in units.UNITS.items():
        if unit in units.UNITS and other != unit and known.dimension == units.UNITS[unit].dimension:
            gain, offset = units.conversion(unit, other)
            found.append((gain, offset, f"reads {other} for {unit}"))
            gain, offset = units.conversion(other, unit)
            found.append((gain, offset, f"converted from {other} though it is {unit}"))
    return found


def _scored(
    kind: Literal["none", "unit", "sign", "gain", "offset", "gain and offset"],
    gain: float,
    offset: float,
    text: str,
    shown: Floats,
    expected: Floats,
    sd: Floats,
    free: int,
) -> Explanation:
    n = len(shown)
    width = np.maximum(abs(gain), 1e-6) * sd
    wrong = np.minimum(((shown - offset - gain * expected) / width) ** 2, _OUTLYING**2) + 2.0 * np.log(width / sd)
    seen = np.isfinite(wrong)
    usual = float(wrong[seen].mean()) if seen.any() else _OUTLYING**2
    return Explanation(kind, gain, offset, text, usual + free * _ALIKE * float(np.log(max(n, 2))) / n)


def _fit(shown: Floats, expected: Floats, sd: Floats, *, with_gain: bool, with_offset: bool) -> tuple[float, float]:
    """Robust least squares: residuals beyond two robust standard deviations weigh less (Huber)."""
    seen = np.isfinite(shown) & np.isfinite(expected)
    if not seen.any():
        return 1.0, 0.0
    y, x, weight = shown[seen], expected[seen], np.broadcast_to(1.0 / sd, shown.shape)[seen]
    gain, offset = 1.0, float(np.median(y - x)) if with_offset else 0.0
    if with_gain and not with_offset:
        gain = float(np.median(y[x != 0] / x[x != 0])) if (x != 0).any() else 1.0
    huber = np.ones_like(y)
    for _ in range(_STEPS):
        w = weight**2 * huber
        if with_gain and with_offset:
            mean_x, mean_y = np.average(x, weights=w), np.average(y, weights=w)
            variance = float(np.sum(w * (x - mean_x) ** 2))
            gain = float(np.sum(w * (x - mean_x) * (y - mean_y)) / variance) if variance > 0 else 1.0
            offset = float(mean_y - gain * mean_x)
        elif with_gain:
            square = float(np.sum(w * x * x))
            gain = float(np.sum(w * x * y) / square) if square > 0 else 1.0
        else:
            offset = float(np.average(y - x, weights=w))
        off = np.abs(y - offset - gain * x) * weight
        limit = 2.0 * max(1.4826 * float(np.median(off)), 1e-12)
        huber = np.minimum(1.0, limit / np.maximum(off, 1e-300))
    return gain, offset
