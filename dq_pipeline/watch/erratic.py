"""Signature 3: a release behaves erratically after a retraining."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.release.bootstrap import circular_blocks
from dq_pipeline.release.promotion import ENOUGH, LEVEL, LOOKS
from dq_pipeline.watch.sign import Sign

Floats = NDArray[np.float64]


def volatility(values: Floats, *, classes: bool = False) -> float:
    """How much a series jumps from sample to sample: sd of successive differences over sqrt(2), in its own unit.

    Of classes, the share of samples that differ from the one before.

    References
    ----------
    von Neumann (1941), Distribution of the Ratio of the Mean Square Successive Difference to the Variance.

    Examples
    --------
    >>> volatility(np.array([2.0, 2.0, 2.0])), volatility(np.array([0.0, 1.0, 1.0]), classes=True)
    (0.0, 0.5)
    """
    return _level(_steps(values, classes), classes)


def volatility_ratio(
    new: Floats, old: Floats, rng: np.random.Generator, *, classes: bool = False
) -> tuple[float, float] | None:
    """Volatility of the new over the old on the same samples, and the lower end of its interval.

    Blocks of neighbouring samples are drawn, the same for both; the lower end leaves out 1.25 % of the draws, for it is
    looked at again and again. None where the old one never moves.
    """
    ours, theirs = _steps(new, classes), _steps(old, classes)
    under = _level(theirs, classes)
    if not under > 0.0:
        return None
    ratios = []
    for index in circular_blocks(len(ours), rng):
        below = _level(theirs[index], classes)
        ratios.append(_level(ours[index], classes) / below if below > 0.0 else np.inf)
    low = float(np.quantile(ratios, LEVEL / LOOKS, method="lower"))
    return _level(ours, classes) / under, low


def erratic(
    new: Floats,
    old: Floats,
    width: Floats,
    truth: Floats,
    *,
    limit: float,
    release: str,
    replaced: str,
    rng: np.random.Generator,
    classes: bool = False,
) -> Sign:
    """Does the release jump from sample to sample more than the one it replaced did on the same samples.

    A release that follows a plant which itself jumps is right: where at least 20 truths are known, what both are off by
    must jump as much.

    Parameters
    ----------
    new, old : (n,)
        Both releases' predictions of the same samples, in stream order.
    width : (n,)
        Width of the old one's intervals, NaN where there is none.
    truth : (n,)
        NaN where it is not known.
    limit
        The lower end of the ratio's interval must be above it.
    """
    both = np.isfinite(new) & np.isfinite(old)
    new, old, width, truth = new[both], old[both], width[both], truth[both]
    if len(new) < ENOUGH:
        why = f"{len(new)} samples that release {replaced or '-'} answered in shadow beside {release}, {ENOUGH} needed"
        return Sign("erratic", "unknown", why, None, limit, subject=release)
    found = volatility_ratio(new, old, rng, classes=classes)
    if found is None:
        why = f"release {replaced} says the same of all samples: nothing to compare with"
        return Sign("erratic", "unknown", why, None, limit, subject=release)
    ratio, low = found
    known, residual = np.isfinite(truth), None
    if known.sum() >= ENOUGH:
        ours, theirs = new[known] - truth[known], old[known] - truth[known]
        residual = volatility_ratio(ours, theirs, rng, classes=False)
    jumps = low > limit
    follows = jumps and residual is not None and not residual[1] > limit
    disagreement = _disagreement(new, old, width)
    text = (
        f"{ratio:.2f} times as volatile as release {replaced}, surely {low:.2f}, limit {limit:g} ({len(new)} samples)"
    )
    if residual is not None:
        text += f"; of what they are off by {residual[0]:.2f}, surely {residual[1]:.2f}"
    if follows:
        text += "; it follows the plant"
    evidence = {
        "release": release,
        "replaced": replaced,
        "ratio": ratio,
        "low": low,
        "residual_ratio": None if residual is None else residual[0],
        "residual_low": None if residual is None else residual[1],
        "disagreement": disagreement,
        "samples": len(new),
    }
    sick = jumps and not follows
    return Sign(
        "erratic", "sick" if sick else "well", text, low, limit, release, severity="critical", evidence=evidence
    )


def _disagreement(new: Floats, old: Floats, width: Floats) -> float | None:
    """Median distance of the two, in half widths of the old one's interval."""
    half = width[np.isfinite(width) & (width > 0.0)] / 2.0
    return float(np.median(np.abs(new - old)) / np.median(half)) if len(half) else None


def _steps(values: Floats, classes: bool) -> Floats:
    step = np.diff(values)
    return (step != 0.0).astype(np.float64) if classes else step


def _level(steps: Floats, classes: bool) -> float:
    return float(steps.mean() if classes else np.sqrt(np.mean(steps**2) / 2.0))
