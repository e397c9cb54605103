"""The golden numbers and small in-control streams."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def golden() -> Mapping[str, NDArray[Any]]:
    """The project's own cut of the golden numbers."""
    with np.load(Path(__file__).with_name("golden_sequential.npz")) as archive:
        return dict(archive)


@pytest.fixture(scope="session")
def full_golden() -> Mapping[str, NDArray[Any]]:
    """All golden numbers."""
    folder = os.environ.get("DQ_DATA_DIR")
    if not folder:
        pytest.skip("DQ_DATA_DIR is not set: the full golden numbers are not at hand")
    with np.load(Path(folder) / "golden" / "drift_sr.npz") as archive:
        return dict(archive)
