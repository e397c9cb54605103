from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dq_pipeline.errors import DQError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load

FILE = Path(__file__).parents[2] / "dags" / "processes" / "hydraulic.yaml"


def test_what_the_inventory_says_decides_nothing():
    plain = load(FILE)
    data = plain.model_dump(by_alias=True)
    data["sensors"]["PS1"] |= yaml.safe_load(
        "{installed: 2024-01-05, firmware: 2.1, serial: A7, calibrated: 2026-05-01, calibration_due: 2027-05-01}"
    )
    data["audit"] = {"window": 80}
    known = Process.model_validate(data)
    assert known.sensors["PS1"].facts == {
        "installed": "2024-01-05",
        "firmware": "2.1",
        "serial": "A7",
        "calibrated": "2026-05-01",
        "calibration_due": "2027-05-01",
    }
    assert plain.sensors["PS1"].facts == {}
    assert known.deciding() == plain.deciding()
    assert plain.deciding()["sensors"]["PS1"] == {"unit": "bar", "range": [0.0, 250.0], "trusted": None}


def test_a_class_is_not_drilled_with_what_moves_a_target(tmp_path: Path):
    data = yaml.safe_load((FILE.parent / "skab.yaml").read_text(encoding="utf-8"))
    data["target"] |= {"task": "classification", "classes": ["well", "ill"]}
    data["drill"] = {"faults": ["stuck", "concept"]}
    (tmp_path / "skab.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(DQError, match=r"drill\.faults"):
        load(tmp_path / "skab.yaml")
