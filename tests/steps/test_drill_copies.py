"""What a drill does to copies, without servers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording
from dq_pipeline.simulate.ladders import PERTURBATIONS
from dq_pipeline.steps.drill_copies import damaged

PROCESS = load(Path("dags/processes/hydraulic.yaml"))
NOW = np.datetime64("2026-03-02T00:00:00", "us")
CONCEPT = PERTURBATIONS["concept"]


def _recordings(n: int = 12) -> list[Recording]:
    rng = np.random.default_rng(0)
    values = rng.normal(100, 1, (n, 60, len(PROCESS.sensor_names)))
    levels = np.linspace(1.0, 2.0, n)
    return [
        Recording(f"{i}", "rig", NOW, PROCESS.sensor_names, values[i], target=np.full(60, levels[i])) for i in range(n)
    ]


def _shift(recordings: list[Recording]) -> list[float]:
    struck = damaged(recordings, PROCESS, CONCEPT, 2.0, "", 0)
    pairs = [(before.target, after.completion.target) for before, after in zip(recordings, struck, strict=True)]
    return [float((b - a)[0]) for a, b in pairs if a is not None and b is not None]


def test_a_target_that_nobody_read_moves_no_other() -> None:
    whole = _recordings()
    moved = _shift(whole)
    assert np.ptp(moved) < 1e-9
    assert moved[0] > 0.0
    gone = [*whole[:-1], replace(whole[-1], target=np.full(60, np.nan))]
    assert _shift(gone)[0] == pytest.approx(_shift(whole[:-1])[0])


def test_a_concept_is_not_drilled_where_recordings_carry_no_target() -> None:
    with pytest.raises(DataError, match="recordings of several targets expected for concept"):
        damaged([replace(one, target=None) for one in _recordings()], PROCESS, CONCEPT, 2.0, "", 0)
