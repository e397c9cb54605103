from __future__ import annotations

from pathlib import Path

import pytest

from dq_pipeline.experiments.experiment import Asked


@pytest.fixture(scope="session")
def asked() -> Asked:
    """A quick run without a data folder."""
    return Asked(quick=True, process_dir=Path(__file__).resolve().parents[2] / "dags" / "processes")
