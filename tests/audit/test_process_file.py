from __future__ import annotations

from pathlib import Path

import yaml

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
