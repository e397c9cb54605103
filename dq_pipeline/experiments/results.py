"""Results of experiments on disk: one JSON file an experiment, and one page of all."""

from __future__ import annotations

import importlib
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dq_pipeline import __version__
from dq_pipeline.experiments.experiment import BARS, EXPERIMENTS, Asked, Plot, Table, experiment

QUICK_S, FULL_S = 600, 3600
"""Seconds that all experiments may take, on two cores."""
_SHARED = ("unit", "against", "bar", "holds")
_LIBRARIES = ("numpy", "scipy", "sklearn", "xgboost")


def make(name: str, asked: Asked, folder: Path) -> dict[str, Any]:
    """Make one experiment and write `<folder>/<name>.json`.

    Returns
    -------
    dict
        What the file holds: the experiment, when and where it was made, seconds, tables and plots.
    """
    made_on = machine()
    began, cpu = time.perf_counter(), time.process_time()
    answer = experiment(name)(asked)
    result = {
        "experiment": name,
        "about": EXPERIMENTS[name],
        "quick": asked.quick,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": made_on,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "tables": [asdict(part) for part in answer if isinstance(part, Table)],
        "plots": [asdict(part) for part in answer if isinstance(part, Plot)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{name}.json"
    draft.write_text(json.dumps(result, indent=1), encoding="utf-8")
    draft.replace(folder / f"{name}.json")
    return result


def made(folder: Path) -> list[dict[str, Any]]:
    """Results of the experiments that were made, in the order of the report."""
    files = [folder / f"{name}.json" for name in EXPERIMENTS]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]


def evidence(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Bars of one experiment and its seconds as rows of evidence; a quick run has none: it proves no figure."""
    if result["quick"]:
        return []
    name = result["experiment"]
    rows = [
        {"name": f"{name}/{row['claim']}", "value": row["measured"], **{key: row[key] for key in _SHARED}}
        for table in result["tables"]
        if table["name"].endswith(f"/{BARS}")
        for row in table["rows"]
    ]
    return [*rows, {"name": f"{name}/seconds", "value": result["seconds"], "unit": "s"}]


def whole(results: Sequence[Mapping[str, Any]], *, quick: bool) -> dict[str, Any]:
    """The row of a run of all experiments: how long it took, and may take."""
    seconds, most = sum(float(one["seconds"]) for one in results), QUICK_S if quick else FULL_S
    cores = f"{os.cpu_count()} cores"
    name = "a quick run of all" if quick else "a full run of all"
    bar = f"at most {most}"
    return {
        "name": name,
        "value": round(seconds, 1),
        "unit": "s",
        "against": cores,
        "bar": bar,
        "holds": seconds <= most,
    }


def machine() -> Mapping[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "dq-pipeline": __version__,
        **{name: str(importlib.import_module(name).__version__) for name in _LIBRARIES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
