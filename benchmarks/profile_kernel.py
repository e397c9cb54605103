"""The profile pass against the same checks by NumPy and SciPy, column by column, on one core in one run.

Two peers get the same limits and answer the same questions per sample and sensor (missing, envelope, spikes, range,
steps, equal runs, moments, distance to the reference per phase):

* `by sorting` takes both distances from the readings themselves: `scipy.stats.ks_2samp` against all readings of the
  reference in that phase, `scipy.spatial.distance.jensenshannon` on `numpy.histogram`.
* `from counts` is what careful NumPy can do: the distances from one `numpy.histogram` per phase, as the pass does.

Both run on a few columns and are scaled; the pass runs on everything. Times are the thread's own, so that a busy
machine does not blur them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dq_pipeline.experiments.timing import median_seconds
from dq_pipeline.process_file import load
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import measure as measure_dimensions
from dq_pipeline.samples import SampleBatch

PROCESS = Path(__file__).parents[1] / "dags" / "processes" / "vacuum.yaml"
ROWS, SENSORS, REFERENCE = 1200, 10, 200
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows {name, value, unit, against, bar, holds}; `short` profiles 100 samples in place of 500."""
    n, columns = (100, 6) if short else (500, 20)
    rng = np.random.default_rng(7)
    batch = _batch(rng, n)
    known = _batch(rng, REFERENCE)
    reference = Reference.fit(known, load(PROCESS))
    cells = batch.values.size
    profiled = _nanoseconds(lambda: profile(batch, reference), cells)
    made = profile(batch, reference)
    measured = _nanoseconds(lambda: measure_dimensions(made, reference), cells)
    sorting = _per_column(batch, known, reference, columns, by_sorting=True)
    lean = _per_column(batch, known, reference, columns, by_sorting=False)
    ours, against = sorting / (profiled + measured), "NumPy and SciPy by sorting"
    return [
        _row("pass with drift features", profiled, "ns/value", None, 20.0, profiled <= 20.0),
        _row("pass, drift features and five dimensions", profiled + measured, "ns/value"),
        _row("NumPy and SciPy per column, distances by sorting", sorting, "ns/value"),
        _row("NumPy per column, distances from counts", lean, "ns/value"),
        _row("speed-up with every check and drift features", ours, "x", against, 300.0, ours >= 300.0),
        _row("speed-up over careful NumPy", lean / (profiled + measured), "x", "NumPy from counts"),
    ]


def _row(
    name: str, value: float, unit: str, against: str | None = None, bar: float | None = None, holds: bool | None = None
) -> Row:
    name, value = f"profile_kernel/{name}", round(value, 2)
    return {"name": name, "value": value, "unit": unit, "against": against, "bar": bar, "holds": holds}


def _batch(rng: np.random.Generator, n: int) -> SampleBatch:
    values = np.cumsum(rng.normal(0, 0.01, (n, ROWS, SENSORS)), axis=1) + rng.normal(0, 1, (n, ROWS, SENSORS))
    values[rng.random(values.shape) < 0.01] = np.nan
    return SampleBatch(
        sensors=load(PROCESS).sensor_names,
        ids=tuple(f"{i:06d}" for i in range(n)),
        sources=("benchmark",) * n,
        start=np.datetime64("2026-01-01", "us") + np.arange(n) * np.timedelta64(1200, "s"),
        values=values,
        received=np.full(n, ROWS),
        disordered=np.zeros(n, np.int64),
        target=np.full(n, np.nan),
    )


def _nanoseconds(work: Callable[[], object], cells: int, repeats: int = 5) -> float:
    """Median over repeats, after one call that compiles."""
    return median_seconds(work, repeats) / cells * 1e9


def _per_column(batch: SampleBatch, known: SampleBatch, reference: Reference, columns: int, by_sorting: bool) -> float:
    phases = list(zip(reference.starts[:-1], reference.starts[1:], strict=True))
    pools = [[_seen(known.values[:, a:b, j].ravel()) for a, b in phases] for j in range(SENSORS)]
    edges = [[np.unique(np.quantile(pool, np.linspace(0, 1, 33)[1:-1])) for pool in row] for row in pools]
    edges = [[np.concatenate([[-np.inf], inner, [np.inf]]) for inner in row] for row in edges]
    usual = [[np.histogram(pools[j][k], edges[j][k])[0] for k in range(len(phases))] for j in range(SENSORS)]

    def work() -> None:
        for c in range(columns):
            j = c % SENSORS
            _checks(batch.values[c, :, j].copy(), j, reference)
            for k, (a, b) in enumerate(phases):
                readings = _seen(batch.values[c, a:b, j])
                counts = np.histogram(readings, edges[j][k])[0]
                if by_sorting:
                    stats.ks_2samp(readings, pools[j][k], method="asymp")
                    jensenshannon(counts, usual[j][k], 2)
                else:
                    p, q = counts / counts.sum(), usual[j][k] / usual[j][k].sum()
                    np.abs(np.cumsum(p - q)).max()
                    _divergence(p, q)

    return _nanoseconds(work, columns * ROWS, repeats=3)


def _checks(column: NDArray[np.float64], j: int, reference: Reference) -> tuple[float, ...]:
    here = np.isfinite(column)
    outlying = (column < reference.lower[j]) | (column > reference.upper[j])
    before, middle, after = column[:-2], column[1:-1], column[2:]
    heights = np.maximum(middle - np.maximum(before, after), np.minimum(before, after) - middle)
    spikes = heights > reference.spike_limit[j].max()
    out_of_range = (column < reference.range_low[j]) | (column > reference.range_high[j])
    steps = np.abs(np.diff(column)) > reference.step_limit[j]
    readings = column[here]
    changes = np.flatnonzero(np.diff(readings) != 0)
    runs = np.diff(np.concatenate([[-1], changes, [len(readings) - 1]]))
    clock = np.linspace(-1, 1, len(column))[here]
    slope = np.cov(clock, readings)[0, 1] / clock.var()
    return (
        here.sum(),
        outlying.sum(),
        spikes.sum(),
        out_of_range.sum(),
        steps.sum(),
        runs[runs > reference.run_limit[j]].sum(),
        float(readings.mean()),
        float(readings.std()),
        float(np.nanstd(np.diff(column))),
        float(slope),
    )


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    m = (p + q) / 2
    left, right = p > 0, q > 0
    return float((p[left] @ np.log2(p[left] / m[left]) + q[right] @ np.log2(q[right] / m[right])) / 2)


def _seen(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    return cells[np.isfinite(cells)]


if __name__ == "__main__":
    for row in measure(short=False):
        print(f"{row['name']:52} {row['value']:>10} {row['unit']}  {row['against']}")
