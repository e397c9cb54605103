"""Initialization over a long history: peak memory of the processes that annotate it, and seconds a sample as it grows.

A Parquet history of pump-downs (1200 x 10) is generated in chunks; `plan`, `annotate` chunk by chunk, and `unify` then
run in a process of their own, whose resident memory is read all the while, its children's with it. 10,000 recordings
are 0.96 GB of readings: more than the bar leaves room for once an interpreter and its libraries are in memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import yaml

from benchmarks.stack import ROOT, process_file_data
from dq_pipeline.simulate.vacuum import simulate, to_table

NAME = "long"
CHUNK = 100
MEMORY_BAR_GB, GROWTH_BAR = 1.2, 1.2
_START, _EVERY_S = np.datetime64("2024-01-01", "us"), 3600
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Peak memory at the larger size, and seconds a sample at both."""
    few, many = (300, 1200) if short else (2500, 10_000)
    with tempfile.TemporaryDirectory(prefix="dq-initialization-") as folder:
        _generate(Path(folder) / "history.parquet", many)
        at_few = _run(Path(folder), few)
        at_many = _run(Path(folder), many)
    peak = max(at_few["peak_gb"], at_many["peak_gb"])
    growth = at_many["s"] / many / (at_few["s"] / few)
    return [
        _row(f"peak memory, {many} recordings", peak, "GB", f"{many * 1200 * 10 * 8 / 1e9:.2f} GB read", MEMORY_BAR_GB),
        _row(f"{few} recordings", at_few["s"] / few * 1e3, "ms/sample"),
        _row(f"{many} recordings", at_many["s"] / many * 1e3, "ms/sample"),
        _row(f"growth of the time a sample, {few} to {many}", growth, "x", "", GROWTH_BAR),
        *(_row(f"{step}, {many} recordings", at_many[step] / many * 1e3, "ms/sample") for step in _STEPS),
    ]


_STEPS = ("plan", "annotate", "unify")


def _row(name: str, value: float, unit: str, against: str = "", bar: float | None = None) -> Row:
    return {
        "name": f"initialization/{name}",
        "value": round(value, 3),
        "unit": unit,
        "against": against or None,
        "bar": bar,
        "holds": None if bar is None else value <= bar,
    }


def _generate(path: Path, n: int) -> None:
    rng, writer = np.random.default_rng(3), None
    for first in range(0, n, CHUNK):
        start = _START + np.timedelta64(first * _EVERY_S, "s")
        table = to_table(simulate(min(CHUNK, n - first), rng, first=first, start=start, every_s=_EVERY_S))
        writer = writer or pq.ParquetWriter(path, table.schema, compression="none")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _run(folder: Path, n: int) -> dict[str, float]:
    """Initialize on the first n recordings in a process of its own; its seconds and peak memory."""
    processes, name = folder / "processes", f"{NAME}{n}"
    processes.mkdir(exist_ok=True)
    data = process_file_data(name)
    data["history"] |= {"uri": str(folder / "history.parquet"), "samples": n}
    (processes / f"{name}.yaml").write_text(yaml.safe_dump(data))
    env = {"DQ_VAR": str(folder), "DQ_PROCESS_DIR": str(processes), "DQ_LAKE_URI": str(folder / f"lake-{n}")}
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.initialization", name],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=-1,
        text=True,
    )
    peak = [0]
    watch = threading.Thread(target=_watch, args=(child, peak))
    watch.start()
    told, _ = child.communicate()
    watch.join()
    if child.returncode:
        raise RuntimeError(f"expected the initialization of {n} recordings to end well; it returned {child.returncode}")
    return {**json.loads(told.splitlines()[-1]), "peak_gb": peak[0] / 1e9}


def _watch(child: subprocess.Popen[str], peak: list[int]) -> None:
    """Keep the most that the process and its children held at one time."""
    while child.poll() is None:
        try:
            tree = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
            peak[0] = max(peak[0], sum(process.memory_info().rss for process in tree))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.02)


def _initialize(process: str) -> dict[str, float]:
    from dq_pipeline import steps
    from dq_pipeline.settings import Settings
    from dq_pipeline.wiring import open_world

    spent = dict.fromkeys(_STEPS, 0.0)
    with open_world(Settings.resolve(environ=os.environ)) as world:
        # what the first call compiles or loads belongs to no sample
        planned = steps.plan(world, process, run="warm", samples=CHUNK, chunk=CHUNK)
        warm = [steps.annotate(world, process, run="warm", **chunk) for chunk in planned["chunks"]]
        steps.unify(world, process, run="warm", chunks=warm)
        began = time.perf_counter()
        planned = steps.plan(world, process, run="first", chunk=CHUNK)
        spent["plan"] = time.perf_counter() - began
        chunks = [steps.annotate(world, process, run="first", **chunk) for chunk in planned["chunks"]]
        spent["annotate"] = time.perf_counter() - began - spent["plan"]
        steps.unify(world, process, run="first", chunks=chunks)
        spent["s"] = time.perf_counter() - began
    spent["unify"] = spent["s"] - spent["plan"] - spent["annotate"]
    return spent


if __name__ == "__main__":
    print(json.dumps(_initialize(sys.argv[1])))
