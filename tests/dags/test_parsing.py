"""What Airflow's parser pays for the DAG files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "pandas", "xgboost", "mlflow", "sklearn", "scipy", "numba", "kafka", "pyarrow", "evidently")
FILES = sorted(file.relative_to(ROOT).as_posix() for file in (ROOT / "dags").rglob("*.py"))
PROGRAM = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
new = set(sys.modules) - before
print(json.dumps([name for name in {HEAVY} if name in new]))
"""


@pytest.mark.parametrize("file", FILES)
def test_no_heavy_import_at_parse_time(file: str) -> None:
    path = os.pathsep.join(str(ROOT / folder) for folder in (".", "plugins"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT / file)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []
