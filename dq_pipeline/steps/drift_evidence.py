"""What is said beside a verdict of drift: how far each sensor's histogram has moved, and what the verdict is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dq_pipeline.drift.mixes import MixDrift
from dq_pipeline.drift.named import mixes
from dq_pipeline.drift.report import DriftReport, compare, report
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.errors import RegistryError
from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.records import ReleaseRow
from dq_pipeline.release.bundle import Release
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.serving import Serving, load

_DIGITS = 4


def standing(bundle: Release) -> dict[str, Any]:
    """What verdicts of a release's detector are worth.

    Returns
    -------
    dict
        `detector`: its name; `state`: "calibrated", "uncalibrated" (alarms may be more or fewer than promised) or
        "none" (too few samples for a detector); `rebuilding`: whether bins of an earlier regime still serve; `why`.
    """
    detector, why = bundle.detector, []
    if detector is None:
        why.append("too few reference samples for a drift detector")
    elif detector.uncalibrated:
        why.append(detector.uncalibrated)
    if bundle.rebuilding:
        why.append("the quality bins are still those of the regime before: samples of the new one are being collected")
    state = "none" if detector is None else "calibrated" if detector.calibrated else "uncalibrated"
    named = str(bundle.settings["drift"]["detector"])
    return {"detector": named, "state": state, "rebuilding": bundle.rebuilding, "why": "; ".join(why)}


def standing_of(world: World, row: ReleaseRow) -> dict[str, Any] | None:
    """The same of a release in the registry; None while the registry does not hand it out."""
    try:
        return standing(load(world, row).bundle)
    except RegistryError:
        return None


def worth(standing: Mapping[str, Any] | None) -> str:
    """The same in a few words, for a person.

    Examples
    --------
    >>> worth({"detector": "window", "state": "uncalibrated", "rebuilding": True, "why": "100 samples"})
    'window, uncalibrated, rebuilding (100 samples)'
    """
    if standing is None:
        return "not known: the registry does not answer"
    words = [str(standing["detector"]), str(standing["state"]), *(["rebuilding"] if standing["rebuilding"] else [])]
    return ", ".join(words) + (f" ({standing['why']})" if standing["why"] else "")


def divergences(serving: Serving, window: Profile, reference: SampleBatch | None, now: SampleBatch) -> dict[str, Any]:
    """Every divergence of a window of samples from what the detector was fitted on, as JSON has it.

    Parameters
    ----------
    window
        Profiles of the newest samples, as the release's bins have it.
    reference
        What the detector was fitted on, where the lake has it; the reference of the bins stands in otherwise, and no
        p-values are known then but those of the window detector.
    now
        Samples whose metadata are compared with the reference's.
    """
    if not len(window):
        return {}
    bins, names = serving.completion_scorer.reference, serving.process.sensor_names
    detector = serving.bundle.detector
    categories = _categories(reference, now)
    known = None if reference is None else profile(reference.head(bins.rows), bins)
    cells = bins.whole_bins[None] if known is None else known.drift_histogram
    mixed = mixes(serving.process.categories, bins, cells, window.drift_histogram)
    if isinstance(detector, WindowDetector):
        null = detector.null
        usual = null.samples * null.histogram
        found = compare(usual, null.samples, window, sensors=names, null=null, categories=categories, mixes=mixed)
    elif known is not None:
        rng = np.random.default_rng(len(known))
        found = report(known, window, sensors=names, rng=rng, categories=categories, mixes=mixed)
    else:
        found = compare(bins.whole_bins, bins.samples, window, sensors=names, mixes=mixed)
    return _document(found)


def _document(found: DriftReport) -> dict[str, Any]:
    return {
        "samples": found.samples,
        "reference_samples": found.reference_samples,
        "p": _rounded(found.p),
        "largest": _rounded(found.largest),
        "mean": _rounded(found.mean),
        "sensors": {row.sensor: {**_rounded(row.divergences), "p": _rounded(row.p)} for row in found.ranked()},
        "categories": {
            one.name: {"chi_squared": _short(one.statistic), "degrees": one.degrees, "p": _short(one.p)}
            for one in found.categories
        },
        "mixes": {one.name: _mix(one) for one in found.mixes},
    }


def _mix(found: MixDrift) -> dict[str, Any]:
    return {
        "told": found.told(),
        "chi_squared": _short(found.statistic),
        "design_effect": None if found.design_effect is None else _short(found.design_effect),
        "degrees": found.degrees,
        "p": None if found.p is None else _short(found.p),
        "shares": {
            one.category: {
                "before": _short(one.before),
                "after": _short(one.after),
                "residual": None if one.residual is None else _short(one.residual),
            }
            for one in found.shares
        },
        "new": list(found.new),
    }


def _categories(reference: SampleBatch | None, now: SampleBatch) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    if reference is None:
        return {}
    names = sorted({name for metadata in (*reference.metadata, *now.metadata) for name in metadata})
    return {
        name: tuple([metadata.get(name, "") for metadata in side.metadata] for side in (reference, now))  # type: ignore[misc]
        for name in names
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: _short(value) for name, value in values.items()}


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
