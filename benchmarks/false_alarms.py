"""False alarms of both detectors where nothing drifts, against what each promises.

The sequential detector promises a budget per 1,000 samples: raw streams (8 sensors of 60 rows, whose level remembers
0.3 of the sample before) and streams of features that remember 0, 0.3 and 0.7, Gaussian and heavy-tailed (t with 4
degrees of freedom). The window detector promises a significance level tau for each window it looks at: raw streams
that remember 0, 0.3 and, beyond what it promises, 0.7. Each reference is followed by streams of 2,000 samples, three
of them by features: what they share is the reference, which is what goes wrong.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.calibration import Worlds, resampled_worlds, threshold_in
from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.level import Level
from dq_pipeline.drift.level import measure as measure_window
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.drift.window import WindowDetector
from dq_pipeline.experiments.made_up import made_batch, made_process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile

SENSORS, ROWS, REFERENCE, STREAM = 8, 60, 200, 2000
BUDGETS = (1.0, 5.0)
DEFAULT_WORLDS = Worlds()
TAUS = (0.04, 0.06, 0.08)
ALONE = (0.3,)
"""Autocorrelations at which each divergence is tried as the only statistic."""
BUDGET_BAND, TAU_BAND = (0.75, 1.25), (0.75, 1.4)
Floats = NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of stream: what it is made of, how much it remembers, and how much of it is looked at."""

    detector: Literal["sequential", "window"]
    raw: bool
    phi: float
    tails: Literal["gaussian", "t4"] = "gaussian"
    references: int = 60
    streams: int = 1
    length: int = STREAM
    worlds: Worlds = DEFAULT_WORLDS

    @property
    def name(self) -> str:
        """In the rows' names."""
        kind = "raw" if self.raw else f"features/{self.tails}"
        return f"false_alarms/{self.detector}/{kind}/autocorrelation_{self.phi:g}"


CELLS = (
    Cell("sequential", True, 0.3),
    *(Cell("sequential", False, phi, tails, streams=3) for phi in (0.0, 0.3, 0.7) for tails in ("gaussian", "t4")),
    *(Cell("window", True, phi) for phi in (0.0, 0.3, 0.7)),
)


def measure(short: bool) -> list[Row]:
    """A row for every cell and promise; `short` takes few references, few worlds, and proves nothing."""
    cells = CELLS
    if short:
        quick = Worlds(10, 300)
        cells = tuple(
            replace(cell, references=4 if cell.detector == "sequential" else 6, length=600, worlds=quick)
            for cell in (CELLS[0], CELLS[3], CELLS[8])
        )
    work = [(cell, seed) for cell in cells for seed in range(cell.references)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        shares = list(pool.map(_shares, work, chunksize=2))
    rows: list[Row] = []
    for cell in cells:
        of_cell = np.array([share for (its, _), share in zip(work, shares, strict=True) if its == cell])
        rows += _rows(cell, of_cell)
    return rows


def _shares(work: tuple[Cell, int]) -> list[float]:
    cell, seed = work
    rng = np.random.default_rng([seed, round(10 * cell.phi), cell.raw, cell.tails == "t4"])
    return spent(cell, rng) if cell.detector == "sequential" else exceeded(cell, rng)


def spent(cell: Cell, rng: np.random.Generator) -> list[float]:
    """Share of each budget that one reference's streams spent: false alarms over those promised."""
    if cell.raw:
        reference, *streams = (part.drift_features for part in raw_profiles(cell, rng))
    else:
        reference, *streams = feature_streams(cell, rng)
    model, residuals = fit_contrast_model(reference)
    resampled = resampled_worlds(model, residuals, REFERENCE, rng=rng, worlds=cell.worlds)
    shares = []
    for budget in BUDGETS:
        threshold = threshold_in(resampled, REFERENCE, SENSORS, budget)
        detector = SequentialDetector(model, REFERENCE, threshold, budget, "")
        alarms = sum(len(detector.update(detector.start(), stream).alarms) for stream in streams)
        shares.append(1000.0 * alarms / (cell.streams * cell.length * budget))
    return shares


def exceeded(cell: Cell, rng: np.random.Generator) -> list[float]:
    """Share of windows that alarm over tau: the combined statistic at every tau, then each divergence at 0.06."""
    reference, *streams = (WindowDetector.readings(part) for part in raw_profiles(cell, rng))
    detector = WindowDetector.fit(reference, rng=rng, tau=0.49)
    width, stride = detector.null.window, detector.stride
    judged = np.concatenate([detector.update(detector.start(), one).statistic[width - 1 :: stride] for one in streams])
    shares = [float((judged > -np.log(tau)).mean() / tau) for tau in TAUS]
    if cell.phi not in ALONE:
        return shares
    level = Level.of_reference(detector.null)
    ends = [(one, end) for one in streams for end in range(width, len(one) + 1, stride)]
    measured = [measure_window(detector.null, level, one[end - width : end])[0] for one, end in ends]
    for name in DIVERGENCES:
        p = np.array([detector.null.p_value(name, found, np.zeros(SENSORS)) for found in measured])
        shares.append(float((p < 0.06).mean() / 0.06))
    return shares


def feature_streams(cell: Cell, rng: np.random.Generator) -> list[Floats]:
    """A reference and the streams that may follow it, features (n, 7, 8) each."""
    first = remembering(rng, REFERENCE, (7, SENSORS), cell)
    after = (remembering(rng, cell.length, (7, SENSORS), cell, before=first[-1]) for _ in range(cell.streams))
    return [first, *after]


def raw_profiles(cell: Cell, rng: np.random.Generator) -> list[Profile]:
    """A reference and one stream of samples whose level wanders and whose rows remember each other, profiled."""
    n = REFERENCE + cell.length
    level = remembering(rng, n, (SENSORS,), cell)
    rows = remembering(rng, ROWS, (n, SENSORS), replace(cell, phi=0.5)).swapaxes(0, 1)
    values = np.ascontiguousarray(20.0 + 0.5 * level[:, None] + rows)
    reference = Reference.fit(made_batch(values[:REFERENCE]), made_process(ROWS, SENSORS, 100.0))
    return [profile(made_batch(part), reference) for part in (values[:REFERENCE], values[REFERENCE:])]


def remembering(
    rng: np.random.Generator, n: int, shape: tuple[int, ...], cell: Cell, *, before: Floats | None = None
) -> Floats:
    """Autoregressive series (n, *shape) of unit variance, half of which the last axis shares, after `before`."""
    warm = 100 if before is None else 0

    def noise(width: int) -> Floats:
        drawn = (n + warm, *shape[:-1], width)
        return rng.normal(size=drawn) if cell.tails == "gaussian" else rng.standard_t(4, drawn) / np.sqrt(2.0)

    series = np.sqrt(0.5) * (noise(1) + noise(shape[-1]))
    last = series[0] if before is None else before
    fresh = np.sqrt(1.0 - cell.phi**2)
    for t in range(len(series)):
        last = series[t] = cell.phi * last + fresh * series[t]
    return series[warm:]


def _rows(cell: Cell, shares: Floats) -> list[Row]:
    if cell.detector == "sequential":
        unit, band = "of the budget", BUDGET_BAND
        names = [f"budget_{budget:g}" for budget in BUDGETS]
        counted = cell.references * cell.streams * cell.length
        promised = [f"{counted} samples after {cell.references} references"] * len(BUDGETS)
    else:
        unit, band = "of tau", TAU_BAND
        names = [f"tau_{tau:g}" for tau in TAUS]
        names += [f"{name}_alone/tau_0.06" for name in DIVERGENCES if cell.phi in ALONE]
        windows = cell.references * (cell.length - 20) // 5
        promised = [f"{windows} windows after {cell.references} references"] * len(names)
    error = shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    return [
        _row(f"{cell.name}/{name}", value, unit, f"{against}, standard error {se:.2f}", band if held else None)
        for name, value, se, against, held in zip(
            names, shares.mean(axis=0), error, promised, _held(cell, names), strict=True
        )
    ]


def _held(cell: Cell, names: Sequence[str]) -> list[bool]:
    """What is promised: the combined statistic up to an autocorrelation of 0.3, and every budget."""
    return [cell.detector == "sequential" or (cell.phi <= 0.3 and "alone" not in name) for name in names]


def _row(name: str, value: float, unit: str, against: str, band: tuple[float, float] | None) -> Row:
    bar = None if band is None else f"{band[0]} to {band[1]}"
    holds = None if band is None else bool(band[0] <= value <= band[1])
    return {
        "name": name,
        "value": round(float(value), 3),
        "unit": unit,
        "against": against,
        "bar": bar,
        "holds": holds,
    }
