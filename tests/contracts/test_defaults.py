"""What is in force, and contracts of a process file that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dq_pipeline.contracts.defaults import in_force
from dq_pipeline.contracts.period import Period
from dq_pipeline.errors import ProcessFileError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load, read

FILES = Path(__file__).resolve().parents[2] / "dags" / "processes"


def with_contracts(contracts: dict[str, Any], name: str = "vacuum") -> Process:
    text = (FILES / f"{name}.yaml").read_text() + "\n" + yaml.safe_dump({"contracts": contracts})
    return read(text, FILES / f"{name}.yaml")


def test_a_file_that_states_none_has_those_that_follow_from_it() -> None:
    process = load(FILES / "vacuum.yaml")
    assert set(in_force(process)) == {"error", "bias", "coverage", "quality", "nulls"}
    assert {one.owner for one in in_force(process).values()} == {"process-engineering"}


def test_a_file_that_states_one_has_that_alone() -> None:
    process = with_contracts({"mine": {"metric": "mae", "owner": "anna"}})
    assert {name: one.owner for name, one in in_force(process).items()} == {"mine": "anna"}


def test_contracts_decide_nothing() -> None:
    assert with_contracts({"mine": {"metric": "mae"}}).settings_hash() == load(FILES / "vacuum.yaml").settings_hash()


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        ({"metric": "lift"}, "a metric of regression"),
        ({"metric": "decision_latency"}, "a number as `expected`"),
        ({"metric": "mae", "window": 20, "min_samples": 30}, "at least `min_samples`"),
        ({"metric": "mae", "quantile": 0.5}, "score or decision_latency alone"),
        ({"metric": "null_rate", "slice": {"sensors": ["nobody"]}}, "sensors of this file"),
        ({"metric": "mae", "slice": {"by": "shift", "season": "hour"}}, "one of `by` and `season`"),
        ({"metric": "rmse"}, "'mae', 'bias'"),
    ],
)
def test_a_contract_that_cannot_be_judged_is_refused(contract: dict[str, Any], expected: str) -> None:
    with pytest.raises(ProcessFileError, match=r"contracts\.mine") as refused:
        with_contracts({"mine": contract})
    assert expected in str(refused.value)


def test_names_of_what_is_checked_anyway_are_taken() -> None:
    with pytest.raises(ProcessFileError, match="timestamps"):
        with_contracts({"timestamps": {"metric": "mae"}})


def test_a_period_comes_back_from_bytes() -> None:
    period = Period(np.ones((3, 2)), np.array([0.1, np.nan, 0.3]), np.zeros(3), {"shift": ("day",)}, ("rig",))
    back = Period.from_bytes(period.to_bytes())
    assert back.unified.tobytes() == period.unified.tobytes()
    assert (back.metadata, back.sources, len(back)) == (period.metadata, period.sources, 3)
