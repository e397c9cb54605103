"""False alarms in control and speed of the sequential detector: ``python -m tests.drift.measure_budget [references]``.

Prints the share of the budget that was spent, at 1 and 5 false alarms per 1,000, on raw streams (autocorrelation 0.3
between samples) and at feature level (0, 0.3, 0.7), and what fitting, calibrating and updating cost. The share should
stay in 0.75 to 1.25 with at least 60 references.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.contrast_model import fit_contrast_model
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.profile.drift_features import features, fit_row_constants

REFERENCE, STREAM, ROWS, SENSORS = 200, 2000, 60, 8

Floats = NDArray[np.float64]


def autoregressive(rng: np.random.Generator, n: int, shape: tuple[int, ...], phi: float) -> Floats:
    """Gaussian series (n, *shape) with unit variance, half of which the last axis shares."""
    shared = rng.normal(size=(n + 100, *shape[:-1], 1))
    noise = np.sqrt(0.5) * (shared + rng.normal(size=(n + 100, *shape)))
    for t in range(1, len(noise)):
        noise[t] = phi * noise[t - 1] + np.sqrt(1.0 - phi**2) * noise[t]
    return noise[100:]


def raw_features(rng: np.random.Generator, phi: float) -> Floats:
    """Features (n, 7, f) of raw samples whose level wanders and whose rows are correlated."""
    n = REFERENCE + STREAM
    level = autoregressive(rng, n, (SENSORS,), phi)
    rows = np.swapaxes(autoregressive(rng, ROWS, (n, SENSORS), 0.5), 0, 1)
    values = 20.0 + 0.5 * level[:, None] + rows
    return features(values, fit_row_constants(values[:REFERENCE]))


def share_of_budget(rng: np.random.Generator, budget: float, phi: float, *, raw: bool, references: int) -> float:
    """False alarms in control over those promised."""
    alarms = 0
    for _ in range(references):
        n = REFERENCE + STREAM
        stream = raw_features(rng, phi) if raw else autoregressive(rng, n, (7, SENSORS), phi)
        detector = SequentialDetector.fit(stream[:REFERENCE], rng=rng, false_alarms_per_1000=budget)
        alarms += len(detector.update(detector.start(), stream[REFERENCE:]).alarms)
    return 1000.0 * alarms / (references * STREAM * budget)


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Least time of a call in seconds."""
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def main() -> None:
    references = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    rng = np.random.default_rng(2024)
    stream = autoregressive(rng, REFERENCE + STREAM, (7, SENSORS), 0.3)
    detector = SequentialDetector.fit(stream[:REFERENCE], rng=rng)
    state, rest = detector.start(), stream[REFERENCE:]
    print(f"fit         {1e3 * seconds(lambda: fit_contrast_model(stream[:REFERENCE]), 10):7.2f} ms")
    print(f"calibration {seconds(lambda: SequentialDetector.fit(stream[:REFERENCE], rng=rng), 2):7.2f} s")
    print(f"update      {1e6 * seconds(lambda: detector.update(state, rest), 5) / STREAM:7.2f} us a sample")
    for raw, phi in ((True, 0.3), (False, 0.0), (False, 0.3), (False, 0.7)):
        for budget in (1.0, 5.0):
            share = share_of_budget(rng, budget, phi, raw=raw, references=references)
            print(f"{'raw' if raw else 'features'} phi={phi} budget={budget}: {share:.2f} of the budget", flush=True)


if __name__ == "__main__":
    main()
