"""Recorded data as batches, and defects to put into them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.samples import SampleBatch

PROCESSES = Path(__file__).parents[2] / "dags" / "processes"


def batch_of(
    values: NDArray[np.float64],
    sensors: tuple[str, ...] | None = None,
    received: NDArray[np.int64] | None = None,
    disordered: NDArray[np.int64] | None = None,
) -> SampleBatch:
    n, rows, f = values.shape
    return SampleBatch(
        sensors=sensors or tuple(f"s{j}" for j in range(f)),
        ids=tuple(f"{i:06d}" for i in range(n)),
        sources=("test",) * n,
        start=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(n) * np.timedelta64(60, "s"),
        values=values,
        received=np.full(n, rows) if received is None else received,
        disordered=np.zeros(n, np.int64) if disordered is None else disordered,
        target=np.full(n, np.nan),
    )


def robust_sd(batch: SampleBatch) -> NDArray[np.float64]:
    """Robust spread per sensor over all rows, (f,)."""
    found = np.full(len(batch.sensors), 1e-9)
    for j in range(len(found)):
        cells = batch.values[:, :, j]  # noqa: PD011 - no pandas
        cells = cells[np.isfinite(cells)]
        if cells.size:
            q25, q75 = np.quantile(cells, (0.25, 0.75))
            found[j] += (q75 - q25) / 1.349 if q75 > q25 else cells.std()
    return found


def with_faults(
    batch: SampleBatch, share: float, sd: NDArray[np.float64], rng: np.random.Generator
) -> tuple[SampleBatch, NDArray[np.bool_]]:
    """A share of the samples with one of nine defects, severity uniform in [0.1, 1]; and which ones they are."""
    values, received, disordered = batch.values.copy(), batch.received.copy(), batch.disordered.copy()  # noqa: PD011
    n, rows, f = values.shape
    faulty = np.zeros(n, bool)
    faulty[rng.permutation(n)[: round(share * n)]] = True
    for i in np.flatnonzero(faulty):
        x, s, kind = values[i], rng.uniform(0.1, 1.0), rng.integers(9)
        length = max(int(s * rows / 2), 2)
        start = int(rng.integers(rows - length + 1))
        stretch = slice(start, start + length)
        few = rng.permutation(f)[: rng.integers(1, 4)]
        if kind == 0:
            x[stretch, rng.permutation(f)[: rng.integers(1, f + 1)]] = np.nan
        elif kind == 1:
            x[rng.random(x.shape) < s / 2] = np.nan
        elif kind == 2:
            hit = rng.random(x.shape) < np.maximum(0.06 * s, 1.0 / rows)
            x += hit * rng.choice([-1, 1], x.shape) * (4 + 10 * s) * sd
        elif kind == 3:
            x[stretch, few] = x[start, few]
        elif kind == 4:
            x[stretch, few[0]] *= rng.choice([100.0, 0.01])
        elif kind == 5:
            x[:, few] += rng.choice([-1, 1]) * (1 + 6 * s) * sd[few]
        elif kind == 6:
            disordered[i] = max(int(s * rows), 1)
        elif kind == 7:
            disordered[i] = max(int(s * rows), 1)
            received[i] += disordered[i]
        else:
            some = rng.permutation(f)[: rng.integers(1, 5)]
            x[stretch, some] += rng.normal(0, 1 + 5 * s, (length, len(some))) * sd[some]
    ids = batch.ids
    changed = SampleBatch(
        sensors=batch.sensors,
        ids=ids,
        sources=batch.sources,
        start=batch.start,
        values=values,
        received=received,
        disordered=disordered,
        target=batch.target,
    )
    return changed, faulty


def _folder() -> Path:
    folder = os.environ.get("DQ_DATA_DIR")
    if folder is None:
        pytest.skip("DQ_DATA_DIR is not set")
    return Path(folder)


def hydraulic(folder: Path) -> tuple[Process, SampleBatch]:
    process = load(PROCESSES / "hydraulic.yaml")
    table = pd.read_parquet(folder / "hydraulic" / "cycles_1hz.parquet").sort_values(["cycle", "t_s"])
    values = table[list(process.sensor_names)].to_numpy(np.float64).reshape(-1, 60, len(process.sensors))
    return process, batch_of(np.ascontiguousarray(values[:, :40]), process.sensor_names)


def skab(folder: Path) -> tuple[Process, SampleBatch]:
    process = load(PROCESSES / "skab.yaml")
    table = pd.read_parquet(folder / "skab" / "skab.parquet")
    found: list[tuple[pd.Timestamp, list[NDArray[np.float64]]]] = []
    for _, part in table.groupby("file"):
        clock = part.drop_duplicates("datetime").set_index("datetime").sort_index()[list(process.sensor_names)]
        grid = clock.reindex(pd.date_range(clock.index[0], clock.index[-1], freq="s")).to_numpy(np.float64)
        found.append((clock.index[0], [grid[t : t + 60] for t in range(0, len(grid) - 89, 30)]))
    windows = [window for _, file in sorted(found, key=lambda entry: entry[0]) for window in file]
    windows = [window for window in windows if np.isfinite(window).any()]
    return process, batch_of(np.stack(windows), process.sensor_names)


@pytest.fixture(params=[hydraulic, skab], ids=["hydraulic", "skab"], scope="session")
def recorded(request: pytest.FixtureRequest) -> tuple[Process, SampleBatch]:
    reader: Callable[[Path], tuple[Process, SampleBatch]] = request.param
    return reader(_folder())


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., SampleBatch]:
    return batch_of


@pytest.fixture(scope="session")
def inject() -> Callable[..., tuple[SampleBatch, NDArray[np.bool_]]]:
    return with_faults


@pytest.fixture(scope="session")
def spread() -> Callable[[SampleBatch], NDArray[np.float64]]:
    return robust_sd


@pytest.fixture(scope="session")
def make_process() -> Callable[..., Process]:
    def build(sensors: int, rows: int, limit: float = 100.0) -> Process:
        return Process.model_validate(
            {
                "process": "test",
                "title": "Test",
                "stream": {"topic": "t", "labels_topic": "l"},
                "sample": {"rows": rows, "period_s": 1, "horizon_rows": rows, "profile_rows": rows},
                "sensors": {f"s{j}": {"unit": "bar", "range": [-limit, limit]} for j in range(sensors)},
                "target": {"name": "y", "from": "labels"},
                "history": {},
            }
        )

    return build
