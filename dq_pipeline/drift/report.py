"""Drift of some samples against a reference, sensor by sensor: every divergence, beside whatever raised the alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.categories import CategoryDrift, category_drift
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.mixes import MixDrift
from dq_pipeline.drift.null import MOMENTS, Null, fit_null, mean_moments, moments_of
from dq_pipeline.errors import DataError
from dq_pipeline.profile.profile import Profile

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SensorDrift:
    """One sensor.

    Attributes
    ----------
    divergences
        By the names of `DIVERGENCES`, over the bins of the whole recording and one for missing cells.
    z
        Standardised shifts of the mean, spread, roughness and slope of a sample; empty where no null is known.
    p
        Of each divergence and of the `moments` together, on their own: not corrected for the number of sensors. Empty
        where no null is known.
    """

    sensor: str
    divergences: Mapping[str, float]
    z: Mapping[str, float] = field(default_factory=dict)
    p: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What differs between a reference and the samples at hand.

    Attributes
    ----------
    reference_samples, samples
        How many each side holds.
    sensors
        In the order of the process file.
    largest, mean
        Of each divergence over the sensors.
    p
        Of each divergence over all sensors (its largest and its mean together), of the moments, and of the combined
        statistic; empty where no null is known.
    categories
        Chi-squared of what the samples' metadata say.
    mixes
        Chi-squared of the categorical sensors.
    """

    reference_samples: int
    samples: int
    sensors: tuple[SensorDrift, ...]
    largest: Mapping[str, float]
    mean: Mapping[str, float]
    p: Mapping[str, float] = field(default_factory=dict)
    categories: tuple[CategoryDrift, ...] = ()
    mixes: tuple[MixDrift, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def ranked(self, divergence: str = "jsd") -> tuple[SensorDrift, ...]:
        """The sensors, the most drifted first."""
        return tuple(sorted(self.sensors, key=lambda row: -row.divergences[divergence]))


def report(
    reference: Profile,
    current: Profile,
    *,
    sensors: Sequence[str],
    rng: np.random.Generator | None = None,
    draws: int = 500,
    categories: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
    mixes: Sequence[MixDrift] = (),
) -> DriftReport:
    """Divergences of the samples at hand from a reference, with p-values where the reference tells what chance does.

    A measure, not a decision: nothing is compared with a threshold here.

    Parameters
    ----------
    reference, current
        Profiles by the same bins. P-values need at least 20 single samples of the reference, in stream order, and a
        generator; a sum of samples serves for the divergences alone.
    sensors
        Their names, in the order of the profiles.
    rng, draws
        For the null: windows of as many samples as `current` holds, drawn from the reference.
    categories
        Name -> the values that the samples of the reference and those at hand have in their metadata.
    mixes
        What is known of the categorical sensors.

    Raises
    ------
    DataError
        If the profiles are of different references, one is empty, or the sensors are others.
    """
    _comparable(reference, current, sensors)
    null = None
    if rng is not None and len(reference) >= 20 and (reference.samples == 1).all():
        window = int(current.samples.sum())
        null = fit_null(reference.drift_histogram, moments_of(reference), window=window, draws=draws, rng=rng)
    return compare(
        reference.drift_histogram.sum(axis=0),
        int(reference.samples.sum()),
        current,
        sensors=sensors,
        null=null,
        categories=categories,
        mixes=mixes,
    )


def compare(
    histogram: NDArray[Any],
    reference_samples: int,
    current: Profile,
    *,
    sensors: Sequence[str],
    null: Null | None = None,
    categories: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
    mixes: Sequence[MixDrift] = (),
) -> DriftReport:
    """The same against the cells (f, 33) of a reference, with a null that is known already or none."""
    window = current.drift_histogram.sum(axis=0)
    values = np.stack([divergence(window, histogram) for divergence in DIVERGENCES.values()])
    named = dict(zip(DIVERGENCES, values, strict=True))
    shifts, chances, overall = ({}, {}, {}) if null is None else _chance(null, values, current)
    return DriftReport(
        reference_samples=reference_samples,
        samples=int(current.samples.sum()),
        sensors=tuple(
            SensorDrift(sensor, _of(named, j), _of(shifts, j), _of(chances, j)) for j, sensor in enumerate(sensors)
        ),
        largest={name: float(row.max()) for name, row in named.items()},
        mean={name: float(row.mean()) for name, row in named.items()},
        p=overall,
        categories=tuple(category_drift(name, *both) for name, both in sorted((categories or {}).items())),
        mixes=tuple(mixes),
    )


def _chance(
    null: Null, values: Floats, current: Profile
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, float]]:
    """Standardised shifts and p-values of each sensor (f,) by name, and p-values over all of them.

    A sum of samples has lost its moments: they are left out.
    """
    shifts: dict[str, Floats] = {}
    width, known = np.zeros(null.sensors), tuple(DIVERGENCES)
    if (current.samples == 1).all():
        z = null.z(mean_moments(moments_of(current), null.mean))
        shifts, width, known = dict(zip(MOMENTS, z, strict=True)), np.abs(z).max(axis=0), (*known, "moments")
    p, p_moments = null.p_values(values, width)
    chances = dict(zip(known, (*p, p_moments), strict=False))
    combined = ("combined",) if shifts else ()
    return shifts, chances, {name: null.p_value(name, values, width) for name in (*known, *combined)}


def _of(rows: Mapping[str, Floats], j: int) -> dict[str, float]:
    return {name: float(row[j]) for name, row in rows.items()}


def _comparable(reference: Profile, current: Profile, sensors: Sequence[str]) -> None:
    if reference.reference_id != current.reference_id:
        raise DataError(
            f"Expected profiles by the same bins, found references {reference.reference_id} and "
            f"{current.reference_id}: profile both against one"
        )
    if not len(reference) or not len(current):
        raise DataError(f"Expected samples on both sides, found {len(reference)} and {len(current)}")
    if reference.drift_histogram.shape[1] != len(sensors):
        raise DataError(f"Expected {reference.drift_histogram.shape[1]} sensors, found {', '.join(sensors)}")
