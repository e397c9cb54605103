"""What scoring one sample costs: the learned scorer, the direct one on the compiled profile, and SciPy by column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from dq_pipeline.experiments.data import available, batch_of, recordings
from dq_pipeline.experiments.experiment import Asked, Cell, Table, rounded
from dq_pipeline.experiments.timing import median_seconds
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.learned import COPIES, MUTATED, LearnedScorer
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import faulted
from dq_pipeline.steps.reference import fit_scorer, with_faults

Floats = NDArray[np.float64]
REFERENCE, BLOCK, COLUMNS = 200, 25, 20


def scoring(asked: Asked) -> list[Table]:
    """One table: milliseconds a sample."""
    rows: list[dict[str, Cell]] = []
    for name in available(asked):
        process, found = recordings(asked, name, REFERENCE + BLOCK)
        batch = batch_of(process, found).head(process.sample.profile_rows)
        known, block = batch.between(0, REFERENCE), batch.between(REFERENCE, len(batch))
        times = _times(process, known, block)
        shape, slowest = f"{block.rows} x {len(block.sensors)}", times["direct, SciPy by column"]
        rows += [
            {"process": name, "rows x sensors": shape, "scorer": how, "ms a sample": rounded(each, 3)}
            | {"times as fast as SciPy": rounded(slowest / each, 3)}
            for how, each in times.items()
        ]
    return [Table("paper/scoring", "Scoring one sample", _NOTE, tuple(rows))]


def _times(process: Process, known: SampleBatch, block: SampleBatch) -> dict[str, float]:
    rng, sensors = np.random.default_rng(0), len(block.sensors)
    reference = Reference.fit(known, process)
    spoilt = profile(with_faults(process, known, rng), reference)
    direct = fit_scorer(process, reference, profile(known, reference), spoilt, rng)
    learned = LearnedScorer.fit(
        direct, known, [faulted(known, process, rng, share=MUTATED) for _ in range(COPIES)], rng
    )
    pools = [Pool.of(known.values[:, :, j]) for j in range(sensors)]
    return {
        "learned scorer": _milliseconds(lambda: learned.score(block, reference)) / len(block),
        "direct, compiled profile": _milliseconds(lambda: direct.score(profile(block, reference))) / len(block),
        "direct, SciPy by column": _milliseconds(lambda: by_scipy(block, pools), 3) / COLUMNS * sensors,
    }


_NOTE = (
    "Thread seconds on one core; what is done to the reference beforehand counts on no side. As published, a learned "
    "scorer stands in for a slow direct one; with a compiled profile the direct one need not be slow."
)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Of one sensor: all readings of the reference, 32 quantile bins, and the readings in each."""

    readings: Floats
    edges: Floats
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Floats) -> Pool:
        """From cells of any shape; NaN is left out."""
        readings = cells[np.isfinite(cells)]
        edges = np.concatenate([[-np.inf], np.unique(np.quantile(readings, np.arange(1, 32) / 32)), [np.inf]])
        return cls(readings, edges, np.histogram(readings, edges)[0])


def by_scipy(block: SampleBatch, pools: list[Pool]) -> list[tuple[float, ...]]:
    """The checks behind the five dimensions, one column at a time, on `COLUMNS` of them.

    Returns
    -------
    list
        Of each column, sensor by sensor and sample by sample: Kolmogorov-Smirnov and Jensen-Shannon distance, longest
        run of equal readings, 1 and 99 % quantile, largest step, share of the readings that arrived.
    """
    found: list[tuple[float, ...]] = []
    for c in range(COLUMNS):
        j = c % len(block.sensors)
        column = block.values[c // len(block.sensors), :, j]
        seen = column[np.isfinite(column)]
        far = ks_2samp(seen, pools[j].readings, method="asymp").statistic
        unlike = jensenshannon(np.histogram(seen, pools[j].edges)[0], pools[j].counts, 2)
        changes = np.flatnonzero(np.diff(seen) != 0)
        run = np.diff(np.concatenate([[-1], changes, [len(seen) - 1]])).max()
        low, high = np.quantile(seen, [0.01, 0.99])
        found.append((far, unlike, run, low, high, np.abs(np.diff(seen)).max(), np.isfinite(column).mean()))
    return found


def _milliseconds(work: Callable[[], object], turns: int = 7) -> float:
    return median_seconds(work, turns) * 1e3
