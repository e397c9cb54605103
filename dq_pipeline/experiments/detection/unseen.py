"""What no detector on the inputs can see, and what does: a changed concept in the errors, late rows in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.policy import ActivePolicy
from dq_pipeline.experiments.detection.kinds import ONE, case
from dq_pipeline.experiments.detection.streams import BEFORE, LIMIT, LONGEST, ROWS, SENSORS, Case
from dq_pipeline.experiments.made_up import made_process
from dq_pipeline.recording import Recording, place
from dq_pipeline.simulate.faults import inject

BATCH = 25
"""Samples whose error is taken together, as a micro-batch's."""
NOISE = 0.3
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Of each run: the delay in samples of what sees it (300: missed), and its alarms where nothing changes."""

    delays: tuple[int, ...]
    alarms: tuple[int, ...]
    quiet: int


def concept(seeds: Sequence[int], quiet: int) -> Seen:
    """The error of a model fitted on the reference, in batches of 25, against 1.5 times its running median.

    The target is a weighted sum of the sensors' means and noise; with the change one sensor's weight turns its sign.
    """
    quiet = max(quiet, BEFORE + LONGEST)
    found = [_of_concept(case(seed, quiet, {}), seed) for seed in seeds]
    return Seen(tuple(delay for delay, _ in found), tuple(alarms for _, alarms in found), quiet)


def _of_concept(made: Case, seed: int) -> tuple[int, int]:
    rng = np.random.default_rng([seed, 7])
    weights = rng.choice([-1.0, 1.0], SENSORS)
    turned = weights.copy()
    turned[ONE] *= -1.0
    known, after = made.reference.mean(axis=1), made.quiet.mean(axis=1)
    model = np.linalg.lstsq(known, known @ weights + NOISE * rng.standard_normal(len(known)), rcond=None)[0]
    noise = NOISE * rng.standard_normal(len(after))
    steady = np.abs(after @ weights + noise - after @ model)
    drifted = np.abs(after @ turned + noise - after @ model)
    drifted[:BEFORE] = steady[:BEFORE]
    first = [end for end in _raised(drifted[: BEFORE + LONGEST]) if end >= BEFORE]
    return (first[0] - BEFORE + 1 if first else LONGEST), len(_raised(steady))


def _raised(errors: Floats) -> list[int]:
    """Last samples of the batches whose error is too large."""
    means = errors[: len(errors) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    rule = ActivePolicy()
    return [
        BATCH * (i + 1) - 1
        for i in range(rule.least_windows, len(means))
        if means[i] >= rule.error_ratio * np.median(means[max(0, i - rule.median_windows) : i])
    ]


def late(seeds: Sequence[int], samples: int = 20) -> Seen:
    """The share of rows that came after later ones, above any of the reference's, which has none.

    Raises
    ------
    ValueError
        If the form gate did not put a late row back where it belongs: then the inputs would show it.
    """
    delays = []
    for seed in seeds:
        values = case(seed, samples, {}).quiet
        rng = np.random.default_rng([seed, 8])
        shares = [_late_share(one, i, rng) for i, one in enumerate(values)]
        delays.append(next((i + 1 for i, share in enumerate(shares) if share > 0.0), LONGEST))
    return Seen(tuple(delays), (0,) * len(seeds), samples)


def _late_share(values: Floats, i: int, rng: np.random.Generator) -> float:
    """Of one sample (T, f) of which up to a fifth of the rows come late."""
    process = made_process(ROWS, SENSORS, LIMIT)
    start = np.datetime64("2026-01-01", "us")
    sent = Recording(f"{i}", "made", start, process.sensor_names, values, np.arange(float(ROWS)))
    placed = place(inject(sent, "late_rows", 0.4, rng, {}), process, "completion")
    if not np.array_equal(placed.values, values):
        raise ValueError(f"sample {i}: rows expected where their times say, found others")
    return placed.disordered / placed.received
