"""Contracts and parity on a live stream: what was promised is held, and a regressed model is caught and named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.model.features import Features
from dq_pipeline.release.bundle import Release
from dq_pipeline.steps.challenger import built
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.staging import register

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
    assert found["breaches"] == 0, [one for one in found["results"] if one["verdict"] == "breach"]
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


def test_a_release_whose_features_were_shuffled_is_named_and_cannot_step_up(plant: Plant, tmp_path: Path) -> None:
    world, process = plant.world, plant.process
    plant.initialize()
    key = plant.initialize("second", promote=False)
    folder = str(built(world, process, key)["folder"])
    world.lake.get_folder(f"{folder}/release", tmp_path / "made")
    shuffle(tmp_path / "made", tmp_path / "shuffled")
    world.lake.put_folder(f"{folder}/release", tmp_path / "shuffled")
    judged = steps.evaluate(world, process, key=key)
    assert not judged["passed"]
    assert "parity" in judged["why"]
    assert "features" in judged["why"]
    with pytest.raises(StateError, match="parity"):
        steps.promote(world, process, key=key, by_hand=True)
    # forced in all the same, under another key: what was shuffled answers the stream
    world.lake.put(f"{process}/challengers/bad/built.json", world.lake.get(f"{process}/challengers/{key}/built.json"))
    row = register(world, process, "bad")
    world.ledger.move_release(process, row.version, "promote", who="anna", why="a try", now=utc_now())
    _stream(plant, 5, 1000)
    found = steps.reconcile(world, process)
    assert (found["release"], found["parity"]["first"]) == (row.version, "features")
    assert "production" in found["parity"]
    assert found["parity"]["production"] == []
    assert _by(found)["error"] == "breach"
    kinds = {row.alert.kind: row.alert.subject for row in world.ledger.alerts(process, standing=True)}
    assert kinds["parity"] == row.version


def shuffle(made: Path, target: Path) -> None:
    """The release of a folder with its features in another order than its trace was made with."""
    release = Release.load(made)
    features = release.features
    order = np.random.default_rng(0).permutation(len(features.chosen))
    chosen, centre, scale = (getattr(features, name)[order] for name in ("chosen", "centre", "scale"))
    replace(release, features=replace(features, chosen=chosen, centre=centre, scale=scale)).save(target)


def test_slices_times_and_the_dictionary_of_the_stream(running: Plant) -> None:
    world, process = running.world, running.process
    running.edit(
        contracts={
            "by_shift": {"metric": "mae", "slice": {"by": "shift"}, "tolerance": {"relative": 1.0}},
            "flow_nulls": {"metric": "null_rate", "slice": {"sensors": ["flow"]}},
            "in_time": {"metric": "decision_latency", "expected": 600},
            "alarms": {"metric": "alarm_rate"},
            "scored": {"metric": "score"},
        }
    )
    runs = recordings(100, running.rng, first=1000)
    shifts = ("day", "night")
    silent = [replace(run, values=run.values.copy(), metadata={"shift": shifts[i % 2]}) for i, run in enumerate(runs)]
    for run in silent[30:]:
        run.values[:, 0] = np.nan
    for first in (0, 25, 50, 75):
        running.publish(silent[first : first + 25])
        running.answer()
    found = _by(steps.reconcile(world, process))
    assert found["by_shiftshift=day"] in ("hold", "watch", "breach")
    assert "by_shiftshift=night" in found
    assert found["flow_nulls"] == "breach"
    assert found["in_time"] == "hold"
    assert found["dictionarycolumn=flow"] == "breach"
    assert found["dictionarymetadata=shift"] == "watch"
    assert found["timestampsrows out of order"] == "hold"
    assert found["timestampsclocks"] == "not_enough_data", "published at once: a replay"
    standing = {row.alert.key for row in world.ledger.alerts(process, standing=True)}
    assert {"contract:flow_nulls:", "contract:dictionary:column=flow"} <= standing
    past = steps.reconcile(world, process, window=(0, 30))
    assert (past["first"], past["stop"]) == (0, 30)
    assert _by(past)["flow_nulls"] == "hold"
    assert {row.alert.key for row in world.ledger.alerts(process, standing=True)} == standing, "the past clears nothing"
    with pytest.raises(StateError, match="first < stop"):
        steps.reconcile(world, process, window=(30, 30))


def test_readings_that_are_turned_back_are_no_difference(running: Plant) -> None:
    world, process = running.world, running.process
    _stream(running, 1, 1000)
    world.ledger.correct(process, "flow", 2.0, 1.0, None, "anna", "it reads twice too much", utc_now())
    _stream(running, 2, 1025)
    same = steps.reconcile(world, process)["parity"]
    assert same["first"] is None, same
    assert set(same["checked"]) == {"grid", "prediction", "profile"}
