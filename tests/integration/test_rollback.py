"""A rollback restores a release whole; what led away from it is left alone until somebody, or a new drift, says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.recording import Recording

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _answers(plant: Plant, runs: Sequence[Recording], prefix: str) -> list[tuple[Any, ...]]:
    """What the horizons of these runs are answered with, to the last bit."""
    plant.publish([replace(run, sample_id=f"{prefix}{run.sample_id}") for run in runs], ("horizon",))
    plant.answer()
    found = [m for m in plant.messages("predictions") if m["sample_id"].startswith(prefix)]
    assert len(found) == len(runs)
    return [
        (m["release"], m["value"], m["lower"], m["upper"], m["quality"], m["fallback"])
        for m in sorted(found, key=lambda message: message["start"])
    ]


def _stages(plant: Plant) -> dict[str, tuple[str, bool]]:
    """Stage of every version as MLflow shows it, and whether `production` points there."""
    production = plant.world.registry.get(plant.process, "production")
    assert production is not None
    return {v.version: (v.stage, v.version == production.version) for v in plant.world.registry.versions(plant.process)}


def _feed(plant: Plant, turns: int, first: int, shift: float) -> list[str]:
    """Turns of 25 recordings; the branches they took."""
    taken = []
    for turn in range(turns):
        plant.publish(recordings(25, plant.rng, first=first + 25 * turn, shift=shift))
        taken.append(plant.turn()["branch"])
    return taken


def test_a_rollback_restores_a_release_whole_and_its_drift_starts_no_loop(plant: Plant) -> None:
    first = plant.initialize()
    probe = recordings(25, plant.rng, first=9000)
    before = _answers(plant, probe, "before-")
    assert {answer[0] for answer in before} == {first}
    _feed(plant, 3, 1000, 0.0)
    assert "adapt" in _feed(plant, 2, 1075, 4.0)
    second = plant.world.ledger.production(plant.process).version
    assert second != first
    assert _answers(plant, probe, "between-") != before

    steps.roll_back(plant.world, plant.process, version=first, who="anna", why="it was better")
    assert _answers(plant, probe, "after-") == before
    assert _stages(plant) == {v: ("Production", True) if v == first else ("Archived", False) for v in _stages(plant)}
    releases = len(plant.world.ledger.releases(plant.process))

    assert _feed(plant, 4, 2000, 4.0) == ["nothing"] * 4
    assert plant.world.ledger.hold(plant.process) is not None
    assert len(plant.world.ledger.releases(plant.process)) == releases
    assert plant.world.ledger.production(plant.process).version == first
    assert plant.world.ledger.open_event(plant.process) is None

    steps.resume(plant.world, plant.process, who="anna", why="it is the new normal")
    assert "adapt" in _feed(plant, 2, 3000, 4.0)
    third = plant.world.ledger.production(plant.process).version
    assert third not in (first, second)
    count = plant.world.ledger.sample_count(plant.process)
    assert set(_feed(plant, 2, 4000, 4.0)) <= {"nothing", "adapt"}
    assert plant.figures(first_sample=count)["mae"] < 0.3 * plant.figures(release=first)["mae"]
    assert [change.action for change in plant.world.ledger.changes(plant.process)].count("rollback") == 1
    assert plant.summary()["duplicates"] == 0


def test_a_drift_after_the_rollback_lifts_the_hold_by_itself(plant: Plant) -> None:
    first = plant.initialize()
    second = plant.initialize("second")
    for _ in range(2):  # a retry finds it done
        assert steps.roll_back(plant.world, plant.process, who="anna", why="a try")["version"] == first
    with pytest.raises(StateError, match="no earlier release"):
        steps.roll_back(plant.world, plant.process, who="anna", why="further back")
    assert _feed(plant, 3, 1000, 0.0) == ["nothing"] * 3
    assert plant.world.ledger.hold(plant.process) is not None
    assert "adapt" in _feed(plant, 3, 2000, 4.0)
    assert plant.world.ledger.hold(plant.process) is None
    assert plant.world.ledger.production(plant.process).version not in (first, second)
    (event,) = plant.world.ledger.events(plant.process)
    assert 75 <= event.sample < 100


def test_a_rollback_needs_a_reason_and_somewhere_to_go(running: Plant) -> None:
    with pytest.raises(StateError, match="reason"):
        steps.roll_back(running.world, running.process, version="1", who="anna", why=" ")
    with pytest.raises(StateError, match="no earlier release"):
        steps.roll_back(running.world, running.process, who="anna", why="a try")
    with pytest.raises(StateError, match="no release '99'"):
        steps.roll_back(running.world, running.process, version="99", who="anna", why="a try")
    with pytest.raises(StateError, match="not on hold"):
        steps.resume(running.world, running.process, who="anna", why="a try")


def test_a_promoted_release_that_is_worse_is_taken_back(plant: Plant) -> None:
    first = plant.initialize()
    challenger = _trained_on_nonsense(plant)
    assert plant.world.ledger.production(plant.process).version == challenger
    branches = _feed(plant, 3, 1000, 0.0)
    assert "roll_back" in branches
    assert plant.world.ledger.production(plant.process).version == first
    hold = plant.world.ledger.hold(plant.process)
    assert hold is not None
    assert hold.version == first
    newest = plant.world.ledger.changes(plant.process)[-1]
    assert (newest.action, newest.who) == ("rollback", "dq")
    assert "on probation" in newest.why
    assert "rolled back" in plant.notices.titles()


def _trained_on_nonsense(plant: Plant) -> str:
    """An initialization on history whose targets were shuffled, promoted by hand; returns its version."""
    import pyarrow.parquet as pq

    from dq_pipeline.simulate.vacuum import to_table

    rng = np.random.default_rng(3)
    runs = recordings(220, rng)
    shuffled = [replace(run, target=runs[i].target) for run, i in zip(runs, rng.permutation(220), strict=True)]
    pq.write_table(to_table(shuffled, target_column="yield_rate"), plant.world.settings.data_dir / "history.parquet")
    key = plant.initialize("nonsense", promote=False)
    return str(steps.promote(plant.world, plant.process, key=key, who="anna", why="a mistake")["version"])
