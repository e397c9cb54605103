"""Contracts and parity on a live stream: what was promised is held, and a regressed model is caught and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.model.features import Features

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _stream(plant: Plant, turns: int, first: int, size: int = 25) -> None:
    for turn in range(turns):
        plant.publish(recordings(size, plant.rng, first=first + size * turn))
        plant.answer()


def _by(found: dict[str, Any]) -> dict[str, str]:
    return {f"{one['contract']}{one['slice']}": one["verdict"] for one in found["results"]}


def test_what_was_promised_is_held_and_kept_once(running: Plant) -> None:
    world, process = running.world, running.process
    assert _by(steps.reconcile(world, process))["error"] == "not_enough_data"
    _stream(running, 4, 1000)
    found = steps.reconcile(world, process)
    verdicts = _by(found)
    assert verdicts["error"] == verdicts["nulls"] == verdicts["coverage"] == "hold"
    assert found["breaches"] == 0
    assert found["parity"]["first"] is None
    assert set(found["parity"]["checked"]) >= {"grid", "prediction", "profile"}
    error = next(one for one in found["results"] if one["contract"] == "error")
    assert error["detail"]["offline"] == pytest.approx(error["value"], rel=1e-9)
    assert error["lower"] < error["value"] < error["upper"]
    kept = world.ledger.contract_results(process, contract="error")
    steps.reconcile(world, process)
    assert world.ledger.contract_results(process, contract="error") == kept, "the same window is one row"
    assert not [row for row in world.ledger.alerts(process) if row.alert.kind in ("contract", "parity")]


def test_features_shuffled_in_code_are_caught_by_parity_and_contract(
    running: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, process = running.world, running.process
    _stream(running, 2, 1000)
    assert steps.reconcile(world, process)["parity"]["first"] is None
    right = Features.matrix
    monkeypatch.setattr(Features, "matrix", lambda self, values: np.roll(right(self, values), 1, axis=1))
    _stream(running, 4, 1050)
    found = steps.reconcile(world, process)
    assert found["parity"]["first"] == "features"
    assert _by(found)["error"] == "breach"
    alerts = {row.alert.kind: row.alert for row in world.ledger.alerts(process, standing=True)}
    assert alerts["parity"].evidence["first"] == "features"
    assert alerts["parity"].subject == found["release"]
    assert alerts["contract"].kind == "contract"
    assert steps.contracts_hold(world, process)
    monkeypatch.undo()
    mended = steps.reconcile(world, process)
    assert mended["parity"]["trace"] == []
    assert mended["parity"]["first"] == "prediction"
    _stream(running, 12, 1150)
    assert _by(steps.reconcile(world, process))["error"] == "hold"
    assert not [row for row in world.ledger.alerts(process, standing=True) if row.alert.key == "contract:error:"]


def test_an_edit_is_a_row_and_what_is_withdrawn_too(running: Plant) -> None:
    world, process = running.world, running.process
    steps.sync(world, process, who="anna")
    before = world.ledger.contracts(process)
    steps.sync(world, process, who="anna")
    assert world.ledger.contracts(process) == before
    running.edit(contracts={"mine": {"metric": "mae", "expected": 0.5, "signed_by": "cleo"}})
    pending = {one["name"]: one["pending"] for one in steps.contracts(world, process)["contracts"]}
    assert pending == {"mine": True}
    steps.sync(world, process, who="bert")
    rows = {(one.name, one.version): one for one in world.ledger.contracts(process)}
    assert rows["mine", 1].who == "cleo"
    assert rows["error", 2].state == "withdrawn"
    assert rows["error", 2].who == "bert"
