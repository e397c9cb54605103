"""A staged release predicts in shadow, answers a share, and is promoted; one that is worse is let go by itself."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.release.rollout import takes
from dq_pipeline.steps import agenda
from dq_pipeline.steps.challenger import declare, leave
from dq_pipeline.steps.serving import in_production

from .conftest import Plant, recordings  # type: ignore[import-not-found]
from .killed import run_killed  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

KEY = "refit-0-1"


def _feed(plant: Plant, first: int, count: int = 50) -> dict[str, Any]:
    plant.publish(recordings(count, plant.rng, first=first))
    return plant.turn()


def _challenger(plant: Plant, offset: float, key: str = KEY) -> str:
    """A refit that answers as the release in Production does, all of it moved by an offset; staged, its version."""
    world, name = plant.world, plant.process
    serving = in_production(world, name)
    model = replace(serving.bundle.model, centre=serving.bundle.model.centre + offset)
    folder = leave(world, name, key, 1, replace(serving.bundle, model=model), None)
    declare(world, name, key, folder, kind="refit", event=None, over=serving.version)
    due = {"key": key, "kind": "refit", "event": None, "span": None, "why": "a test", "attempts": 1}
    agenda.change(world, name, lambda now: replace(now, due=due))
    staged = steps.stage(world, name, key=key)
    assert steps.stage(world, name, key=key) == staged, "again is no change"
    assert staged["rollout"] == "shadow"
    return str(staged["version"])


def _roles(plant: Plant) -> list[tuple[str, str, str]]:
    found = plant.rows("SELECT sample_id, release, role FROM dq.predictions WHERE process = %s ORDER BY 1, 2, 3")
    return [(str(a), str(b), str(c)) for a, b, c in found]


def _mae(plant: Plant) -> float:
    return float(plant.figures()["mae"])


def test_shadow_then_canary_then_production(plant: Plant) -> None:
    world, name = plant.world, plant.process
    first = plant.initialize()
    plant.edit(rollout={"shadow": 40, "canary": {"share": 0.4, "samples": 35}})
    second = _challenger(plant, 0.001)
    assert world.registry.get(name, "shadow").version == second
    _feed(plant, 1000)
    shadow = _roles(plant)
    assert {(release, role) for _, release, role in shadow} == {(first, "champion"), (second, "shadow")}
    assert {m["release"] for m in plant.messages("predictions")} == {first}
    (told,) = steps.rollouts(world, name)
    assert (told["state"], told["share"], told["champion"]) == ("canary", 0.4, first)
    assert told["figures"]["judged"] == 0, "the canary is judged by what was said since it is one"
    assert world.registry.get(name, "canary").version == second
    assert world.registry.get(name, "shadow") is None

    assert "is in canary" in _feed(plant, 2000)["why"]
    canary = [row for row in _roles(plant) if row not in shadow]
    ids = {sample for sample, _, _ in canary}
    answered = {sample for sample, release, role in canary if (release, role) == (second, "canary")}
    assert answered == {sample for sample in ids if takes(second, sample, 0.4)}
    assert 8 <= len(answered) <= 32
    for sample in ids:
        acting = (second, "canary") if sample in answered else (first, "champion")
        beside = (first, "shadow") if sample in answered else (second, "shadow")
        assert {row[1:] for row in canary if row[0] == sample} == {acting, beside}
    sent = {m["sample_id"]: m["release"] for m in plant.messages("predictions")}
    assert {sample for sample, release in sent.items() if release == second} == answered
    known = world.ledger.judged(name, first_sample=50)
    assert {row.sample_id for row in known if row.role == "canary"} == answered
    assert len(known) == 50

    for turn in range(3):
        decided = _feed(plant, 3000 + 100 * turn)
        if decided["promoted"]:
            break
    assert decided["promoted"]["version"] == second
    assert world.ledger.production(name).version == second
    assert agenda.read(world, name).due is None
    steps_of = plant.rows("SELECT version, state FROM dq.rollouts WHERE process = %s ORDER BY id")
    assert [state for version, state in steps_of if version == second] == ["shadow", "canary", "promoted"]
    assert world.registry.get(name, "canary") is None
    summary = plant.summary()
    assert (summary["duplicates"], summary["gaps"]) == (0, 0)
    assert _feed(plant, 4000)["branch"] == "nothing"


def test_a_canary_twice_as_bad_is_let_go_by_itself(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    world, name = plant.world, plant.process
    monkeypatch.setattr("dq_pipeline.steps.step_up.contracts_hold", lambda *_: [])  # they would keep it in shadow
    first = plant.initialize()
    _feed(plant, 1000)
    plant.edit(rollout={"canary": {"share": 0.2, "samples": 200}})
    bad = _challenger(plant, 1.95 * _mae(plant))
    for turn in range(16):
        _feed(plant, 2000 + 100 * turn)
        (told,) = steps.rollouts(world, name)
        if told["state"] == "aborted":
            break
    assert told["state"] == "aborted"
    assert 0 < told["answered"] < 200
    check = told["figures"]["checks"][0]
    assert 1.5 < check["candidate"] / check["champion"] < 2.5
    stages = {row.version: row.stage for row in world.ledger.releases(name)}
    assert stages == {first: "Production", bad: "Archived"}
    assert agenda.read(world, name).due is None
    (alert,) = [row.alert for row in world.ledger.alerts(name, standing=True) if row.alert.kind == "rollout"]
    assert (alert.subject, alert.key) == (bad, f"rollout:{bad}")
    assert "let go in canary" in "\n".join(notice.detail for notice in plant.notices.told)
    before = len(_roles(plant))
    _feed(plant, 5000)
    assert {row[1] for row in _roles(plant)[before:]} <= {first, bad}
    assert len(_roles(plant)) == before + 50, "it predicts no more"
    assert steps.stage(world, name, key=KEY)["rollout"] == "aborted"


@pytest.mark.parametrize("point", [("ledger", "mark_assessed", "before"), ("ledger", "commit", "before")], ids="-".join)
def test_killed_and_moved_meanwhile_a_batch_is_answered_as_of_its_claim(
    plant: Plant, point: tuple[str, str, str]
) -> None:
    world, name = plant.world, plant.process
    plant.initialize()
    plant.edit(rollout={"canary": {"share": 0.5, "samples": 200}})
    version = _challenger(plant, 0.0)
    _feed(plant, 1000, 25)
    runs = recordings(25, plant.rng, first=2000)
    plant.publish(runs)
    assert run_killed(world.settings, name, "run-1", *point) == -signal.SIGKILL
    steps.pause_rollout(world, name, version, who="anna", why="looks odd")
    batch = world.ledger.batches(name, 1)[0]["batch_id"]
    steps.assess(world, name, batch_id=batch, holder="run-1")
    steps.act(world, name, batch_id=batch, holder="run-1")
    mine = {run.sample_id for run in runs}
    answered = {
        sample for sample, release, role in _roles(plant) if sample in mine and (release, role) == (version, "canary")
    }
    assert answered == {sample for sample in mine if takes(version, sample, 0.5)} != set()
    count = world.ledger.canary_answers(name, version)
    _feed(plant, 3000, 25)
    assert world.ledger.canary_answers(name, version) == count, "paused, it answers nobody"
    steps.pause_rollout(world, name, version, who="anna", why="it is well")
    (told,) = steps.rollouts(world, name)
    assert (told["state"], told["share"]) == ("canary", 0.5)
    assert told["judged"] == count


def test_two_releases_in_shadow_at_once_and_a_rollback_ends_a_rollout(plant: Plant) -> None:
    world, name = plant.world, plant.process
    first = plant.initialize()
    second = plant.initialize("second")
    plant.edit(rollout={"shadow": 400}, promotion={"probation": 0})
    third = _challenger(plant, 0.0)
    steps.shadow(world, name, first, samples=30, who="anna", why="was it better?")
    with pytest.raises(StateError, match="in shadow"):
        steps.shadow(world, name, first, samples=30, who="anna", why="again")
    with pytest.raises(StateError, match="in Production"):
        steps.shadow(world, name, second, samples=30, who="anna", why="itself")
    _feed(plant, 1000)
    assert {row[1:] for row in _roles(plant)} == {(second, "champion"), (third, "shadow"), (first, "shadow")}
    told = {one["version"]: one for one in steps.rollouts(world, name)}
    assert told[first]["state"] == "ended"
    assert np.isfinite(told[first]["figures"]["ratio"])
    assert told[third]["state"] == "shadow"
    assert {row.version: row.stage for row in world.ledger.releases(name)}[first] == "Archived"
    steps.roll_back(world, name, version=first, who="anna", why="it was")
    _feed(plant, 2000)
    told = {one["version"]: one for one in steps.rollouts(world, name)}
    assert told[third]["state"] == "aborted"
    assert f"release {first} answers now" in told[third]["why"]
    assert world.ledger.production(name).version == first


def test_a_broken_contract_keeps_a_release_where_it_is(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    world, name = plant.world, plant.process
    plant.initialize()
    plant.edit(rollout={"shadow": 20})
    version = _challenger(plant, 0.0)
    monkeypatch.setattr("dq_pipeline.steps.step_up.contracts_hold", lambda _world, _process, asked: [asked])
    _feed(plant, 1000)
    monkeypatch.setattr("dq_pipeline.steps.rollout.contracts_hold", lambda *_: ["mae of all samples"])
    (told,) = steps.rollouts(world, name)
    assert (told["state"], told["stays"]) == ("shadow", "contracts are broken: mae of all samples")
    monkeypatch.undo()
    _feed(plant, 2000)
    assert world.ledger.production(name).version == version


def test_a_person_is_asked_before_production(plant: Plant) -> None:
    world, name = plant.world, plant.process
    plant.initialize()
    plant.edit(rollout={"shadow": 20}, promotion={"approval": "human"})
    second = _challenger(plant, 0.0)
    decided = _feed(plant, 1000)
    assert (decided["branch"], decided["version"], decided["key"]) == ("ask", second, KEY)
    assert _feed(plant, 2000)["branch"] == "ask", "a run that died is asked again"
    steps.promote(world, name, key=KEY, who="anna", why="approved")
    assert world.ledger.production(name).version == second
    _feed(plant, 3000)
    assert steps.rollouts(world, name)[0]["state"] == "promoted"
    told = steps.compare(world, name, releases=["1", second], last=100)
    rows = {row["name"]: row for row in told["figures"]}
    assert rows["as answered"]["error"] == rows["1"]["error"] == rows[second]["error"]
    assert rows["last value"]["error"] > rows["1"]["error"]
    assert told["reproduced"]["1"]["differing"] == {}
    assert told["reproduced"][second]["compared"] == 100, "in shadow, then in Production"
    assert told["reproduced"][second]["differing"] == {}
