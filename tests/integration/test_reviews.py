"""The review queue: flagged samples wait for a person once, and what is said of them becomes the truth."""

from __future__ import annotations

from typing import Any

import pytest

from dq_pipeline import steps
from dq_pipeline.records import Flag, FlagKind
from dq_pipeline.steps.clock import utc_now

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _streamed(plant: Plant, n: int = 20, **review: Any) -> list[Any]:
    """Recordings of the stream, answered and completed; nothing is settled by rule unless asked for."""
    plant.edit(feedback={"review": {"settle": False, **review}})
    runs = recordings(n, plant.rng, first=1000)
    plant.publish(runs)
    plant.answer()
    return runs


def _flag(plant: Plant, name: str, kind: str = "wide_interval", **options: Any) -> None:
    answer = plant.world.ledger.answers(plant.process, [name]).get(name)
    release = "" if answer is None else answer.release
    flag = Flag(name, FlagKind(kind), release, options.pop("evidence", {}), **{"p": 0.001, **options})
    assert plant.world.ledger.add_flags(plant.process, [flag], utc_now()) == 1


def _fill(plant: Plant) -> dict[str, Any]:
    return steps.fill_queue(plant.world, plant.process)


def _waiting(plant: Plant, **options: Any) -> dict[str, dict[str, Any]]:
    found = steps.reviews(plant.world, plant.process, **options)
    return {item["sample_id"]: item for item in found["items"]}


def _judge(plant: Plant, review: int, who: str = "anna", action: str = "accept", **options: Any) -> dict[str, Any]:
    return steps.judge(plant.world, plant.process, review, who=who, action=action, **options)


def test_flagged_samples_wait_once_and_reports_come_first(running: Plant) -> None:
    runs = _streamed(running)
    _fill(running)
    before = set(_waiting(running))
    odd, told = [run.sample_id for run in runs if run.sample_id not in before][:2]
    _flag(running, odd, p=1e-6)
    steps.report(running.world, running.process, told, why="valve was open", who="anna")
    assert _fill(running)["queued"] == 2
    assert _fill(running) == {"process": running.process, "queued": 0, "settled": 0, "refused": []}
    items = _waiting(running)
    assert set(items) == before | {odd, told}
    assert next(iter(items)) == told
    item = items[odd]
    assert (item["kinds"], item["state"], item["reasons"]["parts"]["surprise"]) == (["wide_interval"], "waiting", 6.0)
    assert item["target"] is not None
    assert item["target_origin"] == "completion"
    _flag(running, odd, "out_of_distribution", evidence={"statistic": 9.0, "usual": 3.0})
    assert _fill(running)["queued"] == 0, "it waits already"
    again = _waiting(running)[odd]
    assert (again["review"], len(again["kinds"])) == (item["review"], 2)
    assert again["priority"] >= item["priority"]
