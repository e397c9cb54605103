"""Small files of recordings and the process they belong to; no server is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS, SENSORS = 20, ("p", "q")

_PROCESS = """
process: small
title: Small
stream: {topic: small.samples, labels_topic: small.labels}
sample: {rows: 20, period_s: 1, horizon_rows: 12, profile_rows: 20}
sensors:
  p: {unit: bar, range: [-50, 50]}
  q: {unit: bar, range: [-50, 50]}
target: {name: y, unit: bar, column: y, rows: [12, 20], reduce: mean}
drift: {worlds: 10, world_length: 100, draws: 100, refit_after: 40}
model: {trees: 8, search: 1, min_samples: 20}
history: {uri: "${DQ_DATA_DIR}/history.parquet", id: id, time: t_s, samples: 60}
"""


@pytest.fixture
def files(monkeypatch, tmp_path) -> Path:
    """A folder with `history.parquet` (clean), `drifted.parquet` (from recording 40 on) and `bad.parquet` (spoilt)."""
    for name in ("DQ_LAKE_URI", "DQ_AIRFLOW_URL"):
        monkeypatch.delenv(name, raising=False)
    processes = tmp_path / "processes"
    processes.mkdir()
    (processes / "small.yaml").write_text(_PROCESS, encoding="utf-8")
    monkeypatch.setenv("DQ_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DQ_PROCESS_DIR", str(processes))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("DQ_DATABASE_URL", "postgresql://dq:hidden@127.0.0.1:9/dq")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    rng = np.random.default_rng(0)
    level = np.where(np.arange(140) < 100, 0.0, 3.0)
    _write(tmp_path / "history.parquet", rng, level, rng)
    _write(tmp_path / "drifted.parquet", rng, np.where(np.arange(80) < 40, 0.0, 3.0), rng)
    spoilt = np.zeros(60)
    _write(tmp_path / "clean.parquet", rng, spoilt, rng)
    _write(tmp_path / "bad.parquet", rng, spoilt, rng, spoil=(7, 30))
    return tmp_path


def _write(path: Path, rng, level, noise, spoil: tuple[int, ...] = ()) -> None:
    n = len(level)
    inner = level + rng.normal(size=n)
    values = inner[:, None, None] + 0.3 * noise.normal(size=(n, ROWS, len(SENSORS)))
    for number, i in enumerate(spoil):
        values[i, : ROWS if number else 10] = np.nan  # the first loses half of its rows, the others all
    columns = {"id": np.repeat(np.arange(n), ROWS), "t_s": np.tile(np.arange(float(ROWS)), n)}
    columns |= {name: values[:, :, j].ravel() for j, name in enumerate(SENSORS)}
    columns["y"] = np.repeat(inner, ROWS)
    columns["recipe"] = np.repeat(np.where(np.arange(n) % 2, "deep", "flat"), ROWS)
    pq.write_table(pa.table(columns), path)
