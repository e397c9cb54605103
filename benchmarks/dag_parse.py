"""What Airflow's parser pays: each generating DAG file with 20 process files, against a file of 20 empty DAGs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BAR = 1.3
PROCESSES = 20
FILES = ("adaptation.py", "deployment.py", "initialization.py", "rollback.py")

_EMPTY = """
from datetime import datetime
from airflow.sdk import DAG

for number in range({count}):
    with DAG(f"empty_{{number:02d}}", schedule=None, start_date=datetime(2025, 1, 1)):
        pass
"""
# A fresh interpreter that imports the file, as `python dags/deployment.py` would, and says how long all of it took.
_IMPORT = "import runpy, sys; runpy.run_path(sys.argv[1])"


def measure(short: bool) -> list[dict[str, Any]]:
    """Median wall time of a fresh interpreter importing each file, alternating with the file of empty DAGs."""
    repeats = 3 if short else 9
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = _environment(folder)
        empty = folder / "empty.py"
        empty.write_text(_EMPTY.format(count=PROCESSES))
        files = {"empty": empty, **{name: ROOT / "dags" / name for name in FILES}}
        seconds: dict[str, list[float]] = {name: [] for name in files}
        for file in files.values():  # warms the disk cache and checks that the file works
            _import(file, environment)
        for _ in range(repeats):
            for name, file in files.items():
                seconds[name].append(_import(file, environment))
    against = median(seconds["empty"])
    return [
        {
            "name": f"dag_parse/{name}",
            "value": round(median(seconds[name]), 3),
            "unit": "s",
            "against": round(against, 3),
            "bar": BAR,
            "holds": median(seconds[name]) <= BAR * against,
        }
        for name in FILES
    ]


def _environment(folder: Path) -> dict[str, str]:
    """Airflow in a folder of its own, with twenty process files."""
    text = (ROOT / "dags" / "processes" / "vacuum.yaml").read_text()
    processes = folder / "processes"
    processes.mkdir()
    for number in range(PROCESSES):
        name = f"p{number:02d}"
        (processes / f"{name}.yaml").write_text(text.replace("process: vacuum", f"process: {name}", 1))
    cache = folder / "bytecode"
    shutil.rmtree(cache, ignore_errors=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "DQ_PROCESS_DIR": str(processes),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": "",
    }


def _import(file: Path, environment: dict[str, str]) -> float:
    program = f"import time; began = time.perf_counter(); {_IMPORT}; print(time.perf_counter() - began)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])
