"""How often chi-squared of a category's rows alarms where nothing changes, by what the rows have in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from dq_pipeline.drift.mixes import mix_drift
from dq_pipeline.experiments.experiment import Cell, rounded

Integers = NDArray[np.int64]

KNOWN, WINDOW, ROWS = 200, 25, 60
SHARE = (0.65, 0.31, 0.04)
STREAMS: Mapping[str, tuple[float, bool]] = MappingProxyType(
    {
        "independent rows": (0.0, False),
        "stays for 10 rows": (0.9, False),
        "stays for 50 rows": (0.98, False),
        "stays for 10 rows, across recordings": (0.9, True),
        "one category a recording": (1.0, False),
        "one for 5 recordings": (1.0 - 1.0 / (5 * ROWS), True),
    }
)
"""How long a category stays: probability that a row repeats the one before, and whether recordings do so too."""


def rows_shown(rng: np.random.Generator, recordings: int, stay: float, across: bool) -> Integers:
    """Category of each row (n, 60) of a sensor that shows `SHARE`."""
    shown = rng.choice(len(SHARE), recordings * ROWS, p=SHARE)
    moves = rng.random(shown.size) >= stay
    moves[0] = True
    if not across:
        moves[::ROWS] = True
    return np.asarray(shown[np.maximum.accumulate(np.where(moves, np.arange(shown.size), 0))].reshape(-1, ROWS))


def counted(shown: Integers) -> Integers:
    """Rows by recording and category (n, K)."""
    return np.stack([(shown == k).sum(axis=1) for k in range(len(SHARE))], axis=1)


def by_stream(
    stay: float, across: bool, windows: int, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """p-values (windows, 2) of Pearson's and of the corrected statistic, and design effects (windows,).

    Each window of 25 recordings follows a reference of 200 of its own.
    """
    rng = np.random.default_rng(seed)
    p, effects = np.ones((windows, 2)), np.zeros(windows)
    for i in range(windows):
        counts = counted(rows_shown(rng, KNOWN + WINDOW, stay, across))
        found = mix_drift("sensor", tuple("abc"), counts[:KNOWN], counts[KNOWN:])
        p[i] = chdtrc(found.degrees, found.statistic), np.nan if found.p is None else found.p
        effects[i] = np.nan if found.design_effect is None else found.design_effect
    return p, effects


def rows(windows: int) -> list[dict[str, Cell]]:
    """Of the table: shares of windows with a p-value below 5 % and 1 %."""
    told: list[dict[str, Cell]] = []
    for name, (stay, across) in STREAMS.items():
        p, effects = by_stream(stay, across, windows)
        row: dict[str, Cell] = {"rows": name, "design effect": rounded(float(effects.mean()), 3)}
        for k, title in enumerate(("Pearson", "Rao-Scott")):
            for level in (0.05, 0.01):
                row[f"{title}, p < {level}"] = rounded(float((p[:, k] < level).mean()), 3)
        told.append(row)
    return told
