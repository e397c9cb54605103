"""The governor on real servers: what asks for a training, what puts it off, and that nothing is asked for twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dq_pipeline import steps
from dq_pipeline.records import TargetRow
from dq_pipeline.steps import agenda, situation, trainings

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def feed(plant: Plant, turns: int, first: int, shift: float = 0.0) -> list[dict[str, Any]]:
    """Turns of 25 recordings, adaptations to drift included; what was decided."""
    decided = []
    for turn in range(turns):
        plant.publish(recordings(25, plant.rng, first=first + 25 * turn, shift=shift))
        decided.append(plant.turn())
    return decided


def retrain(plant: Plant, **stated: Any) -> None:
    plant.edit(feedback={"retrain": stated})


def govern(plant: Plant) -> dict[str, Any]:
    return steps.govern(plant.world, plant.process)


def objecting(plant: Plant) -> set[str]:
    return {one["name"] for one in steps.governor(plant.world, plant.process)["why_not"]}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Moves the governor's clock on by so many hours."""

    def to(hours: float) -> None:
        monkeypatch.setattr(situation, "utc_now", lambda: datetime.now(UTC) + timedelta(hours=hours))

    return to


def test_by_default_only_a_drift_leads_to_a_training(plant: Plant) -> None:
    assert "initialization" in govern(plant)["why"], "no release yet"
    plant.initialize()
    feed(plant, 2, 1000)
    found = govern(plant)
    assert (found["branch"], found["why_not"]) == ("nothing", [])
    assert "states no trigger" in found["why"]
    assert agenda.read(plant.world, plant.process).due is None
    shown = steps.status(plant.world, plant.process)["governor"]
    assert (shown["new_labels"], shown["triggers"], shown["why_not"]) == (50, [], [])


def test_labels_lead_to_one_training_and_the_next_needs_new_ones(plant: Plant) -> None:
    world, process = plant.world, plant.process
    plant.edit(promotion={"tolerance": 1.0})
    first = plant.initialize()
    retrain(plant, labels=50)
    feed(plant, 1, 1000)
    found = govern(plant)
    assert found["branch"] == "nothing"
    assert "25 to come" in found["why_not"][0]
    feed(plant, 1, 2000)
    asked = govern(plant)
    assert (asked["branch"], asked["trigger"], asked["kind"]) == ("adapt", "labels", "refit")
    assert asked["key"].startswith("labels-0-")
    again = govern(plant)
    assert (again["branch"], "under way" in again["why"]) == ("nothing", True)
    assert objecting(plant) == {"under_way"} | ({"min_labels"} & objecting(plant))
    made = steps.adapt(world, process, holder="test")
    assert world.ledger.production(process).version == made["version"] != first
    (used,) = trainings.trainings(world, process)
    assert (used.key, used.kind, used.seconds > 0.0) == (asked["key"], "refit", True)
    assert govern(plant)["branch"] == "nothing"
    assert {"min_labels", "probation"} <= objecting(plant)
    feed(plant, 2, 3000)
    assert objecting(plant) == {"probation"}
    waiting = govern(plant)
    assert "on probation for 50 more samples" in waiting["why"]
    feed(plant, 2, 4000)
    assert govern(plant)["branch"] == "adapt"
    assert plant.summary()["duplicates"] == 0


def test_labels_that_come_while_no_recording_does_make_another_challenger(plant: Plant) -> None:
    world, process = plant.world, plant.process
    plant.initialize()
    plant.edit(promotion={"probation": 0})
    runs = recordings(50, plant.rng, first=1000)
    plant.publish(runs)
    plant.turn()
    retrain(plant, labels=30, min_labels=30)
    keys = []
    for correction in (0.01, 0.02):
        rows = [TargetRow(run.sample_id, float(run.target[20:].mean()) + correction, "review") for run in runs[:30]]
        assert world.ledger.add_targets(process, rows, datetime.now(UTC)) == 30
        keys.append(govern(plant)["key"])
        steps.adapt(world, process, holder="test")
        assert govern(plant)["branch"] == "nothing"
    assert keys[1] == f"{keys[0]}-2"
    assert {row.key for row in world.ledger.releases(process)} >= set(keys)


def test_two_governors_at_once_ask_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.initialize()
    feed(plant, 2, 1000)
    retrain(plant, labels=20)
    real, others = agenda.change, []

    def overtaken(*args: Any) -> Any:
        monkeypatch.undo()
        others.append(govern(plant))
        return real(*args)

    monkeypatch.setattr(agenda, "change", overtaken)
    found = govern(plant)
    assert [one["branch"] for one in others] == ["adapt"]
    assert (found["branch"], "another run" in found["why"]) == ("nothing", True)


def test_time_the_cooldown_and_the_budget_put_a_training_off(plant: Plant, later: Any) -> None:
    world, process = plant.world, plant.process
    plant.initialize()
    plant.edit(promotion={"probation": 0})
    feed(plant, 1, 1000)
    retrain(plant, every_h=24, cooldown_h=30, budget_s=1000.0)
    assert govern(plant)["branch"] == "nothing"
    later(25)
    asked = govern(plant)
    assert (asked["branch"], asked["trigger"]) == ("adapt", "schedule")
    steps.adapt(world, process, holder="test")
    feed(plant, 1, 2000)
    later(27)
    found = govern(plant)
    assert (found["branch"], found["why_not"][0][:9]) == ("nothing", "cooldown:")
    (objection,) = steps.governor(world, process)["why_not"]
    assert datetime.fromisoformat(objection["until"]) - datetime.now(UTC) < timedelta(hours=30)
    later(31)
    retrain(plant, every_h=24, budget_s=0.1)
    assert objecting(plant) == {"budget"}
    assert steps.governor(world, process)["budget"]["used_s"] > 0.0


def test_a_drift_obeys_the_same_governor_and_stays_open(plant: Plant) -> None:
    world, process = plant.world, plant.process
    plant.initialize()
    feed(plant, 2, 1000)
    hour = datetime.now(UTC).hour
    retrain(plant, hours=[(hour + 2) % 24, (hour + 4) % 24])
    decided = feed(plant, 4, 2000, shift=4.0)
    assert {one["branch"] for one in decided} == {"nothing"}
    assert "hours: it is" in decided[-1]["why"]
    event = world.ledger.open_event(process)
    assert event is not None
    assert govern(plant)["branch"] == "nothing"
    shown = steps.governor(world, process)
    assert {one["name"] for one in shown["why_not"]} == {"under_way", "hours"}
    assert shown["due"]["key"].startswith(("refit", "rebuild"))
    assert not steps.ask(world, process)
    retrain(plant, hours=[hour, (hour + 3) % 24])
    asked = govern(plant)
    assert (asked["branch"], asked["event"]) == ("adapt", event.id), "no micro-batch came"
    steps.adapt(world, process, holder="test")
    assert world.ledger.release_by_key(process, asked["key"]).stage == "Production"


def test_no_trigger_moves_anything_while_on_hold_until_a_drift_after_the_rollback(plant: Plant, later: Any) -> None:
    world, process = plant.world, plant.process
    plant.edit(promotion={"tolerance": 1.0})
    first = plant.initialize()
    retrain(plant, labels=20, every_h=1, error=1.01, coverage=1.0)
    feed(plant, 1, 1000)
    assert govern(plant)["trigger"] in ("labels", "error")
    second = steps.adapt(world, process, holder="test")["version"]
    assert second != first
    steps.roll_back(world, process, who="anna", why="worse on the night shift")
    assert govern(plant)["branch"] == "nothing"
    feed(plant, 2, 2000)
    later(48)
    releases = len(world.ledger.releases(process))
    found = govern(plant)
    assert "hold" in {name.split(":")[0] for name in found["why_not"]}
    assert "labels and time are no new evidence" in found["why"]
    assert steps.governor(world, process)["next_possible"] is None
    assert agenda.read(world, process).due is None
    assert (len(world.ledger.releases(process)), world.ledger.production(process).version) == (releases, first)
    decided = feed(plant, 3, 3000, shift=4.0)
    assert "adapt" in {one["branch"] for one in decided}, "a drift that began after it lifts the hold"
    assert world.ledger.hold(process) is None
    actions = [change.action for change in world.ledger.changes(process)]
    assert actions.count("rollback") == 1
    assert actions.index("rollback") < actions.index("resume") < len(actions) - 1


def test_a_rollback_at_the_same_moment_wins(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    world, process = plant.world, plant.process
    plant.initialize()
    plant.initialize("second")
    plant.edit(promotion={"probation": 0})
    feed(plant, 2, 1000)
    retrain(plant, labels=20)
    real = agenda.change

    def beaten(*args: Any) -> Any:
        monkeypatch.undo()
        steps.roll_back(world, process, who="anna", why="worse")
        return real(*args)

    monkeypatch.setattr(agenda, "change", beaten)
    assert govern(plant)["branch"] == "nothing"
    assert agenda.read(world, process).due is None


def test_an_error_beyond_what_was_promised_asks_for_a_training(plant: Plant) -> None:
    plant.initialize()
    plant.edit(drift={"policy": "static"})
    retrain(plant, error=1.5)
    feed(plant, 2, 1000)
    quiet = govern(plant)
    assert quiet["branch"] == "nothing"
    assert "ratio" in quiet["why_not"][0]
    runs = recordings(50, plant.rng, first=2000)
    plant.publish(runs)
    plant.turn()
    rows = [{"sample_id": run.sample_id, "value": float(run.target[20:].mean()) + 3.0} for run in runs]
    steps.add_labels(plant.world, plant.process, rows)
    found = govern(plant)
    assert (found["branch"], found["trigger"]) in (("adapt", "error"), ("nothing", None))
    assert found["branch"] == "adapt", found


def test_strange_samples_ask_for_labels_first_and_then_for_a_training(plant: Plant) -> None:
    world, process = plant.world, plant.process
    plant.edit(drift={"policy": "static"})
    plant.initialize()
    retrain(plant, coverage=0.5, min_labels=15)
    strange = []
    for turn in range(3):  # a few among many: what a whole window shows is drift, and flags nobody
        few = [recordings(1, plant.rng, first=5000 + 10 * turn + i, shift=(-1) ** i * 4.0)[0] for i in range(6)]
        few = [replace(run, target=None) for run in few]
        plant.publish([*recordings(24, plant.rng, first=1000 + 100 * turn), *few])
        plant.turn()
        strange += few
    waiting = govern(plant)
    assert waiting["branch"] == "nothing"
    assert "labels are wanted for" in waiting["why_not"][0]
    rows = [{"sample_id": run.sample_id, "value": 5.0 + 8.0 * (-1) ** (i + 1)} for i, run in enumerate(strange)]
    steps.add_labels(world, process, rows)
    found = govern(plant)
    assert (found["branch"], found["trigger"]) == ("adapt", "coverage"), found
