"""The review queue goes to Label Studio and comes back whole, or not at all."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from dq_pipeline import steps
from dq_pipeline.records import Flag, FlagKind
from dq_pipeline.steps.clock import utc_now

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

FILES = Path(__file__).parents[1] / "wire" / "label_studio"


def _queued(plant: Plant, n: int = 3, **review: Any) -> list[dict[str, Any]]:
    """So many samples that wait, as tasks."""
    plant.edit(feedback={"review": {"settle": False, **review}})
    runs = recordings(n, plant.rng, first=1000)
    plant.publish(runs)
    plant.answer()
    flags = [Flag(run.sample_id, FlagKind.WIDE_INTERVAL, "x", p=0.001) for run in runs]
    plant.world.ledger.add_flags(plant.process, flags, utc_now())
    steps.fill_queue(plant.world, plant.process)
    tasks = steps.to_label_studio(plant.world, plant.process)
    assert len(tasks) == n
    return tasks


def _annotation(who: str, value: float | None = None, action: str | None = None, **more: Any) -> dict[str, Any]:
    """An annotation as the tool exports it."""
    results = [("number", "value", {"number": value})] if value is not None else []
    results += [("choices", "action", {"choices": [action]})] if action else []
    results += [("textarea", "why", {"text": [more.pop("why")]})] if "why" in more else []
    shown = [{"type": t, "from_name": f, "to_name": "ts", "id": f, "value": v} for t, f, v in results]
    shown += [
        {"type": "timeserieslabels", "from_name": "label", "to_name": "ts", "id": "r", "value": span}
        for span in more.pop("spans", [])
    ]
    person = {"id": 1, "email": who}
    return {"id": 5, "unique_id": f"u-{who}", "completed_by": person, "result": shown, "was_cancelled": False, **more}


def _take(plant: Plant, tasks: object) -> dict[str, Any]:
    return steps.from_label_studio(plant.world, plant.process, tasks, who="importer")


def _state(plant: Plant) -> list[Any]:
    return [
        plant.rows(f"SELECT * FROM dq.{table} WHERE process = %s ORDER BY id")
        for table in ("reviews", "opinions", "targets", "flags")
    ]


def test_what_was_annotated_becomes_the_truth_once(running: Plant) -> None:
    tasks = _queued(running)
    json.dumps(tasks, allow_nan=False)
    names = [task["data"]["sample_id"] for task in tasks]
    assert set(tasks[0]["data"]["ts"]) == {"time", "flow", "inlet", "outlet"}
    span = {"start": 2.0, "end": 7.5, "instant": False, "timeserieslabels": ["Unusual"]}
    tasks[0]["annotations"] = [_annotation("anna", 9.25, "correct", spans=[span], lead_time=12.5)]
    tasks[1]["annotations"] = [_annotation("anna", 9.25, "accept"), _annotation("bert", None, "skip")]
    took = _take(running, tasks)
    assert (took["problems"], took["taken"], took["unannotated"]) == ([], 3, 1)
    truths = running.world.ledger.truths(running.process, names)
    assert (truths[names[0]].value, truths[names[0]].annotator) == (9.25, "anna")
    assert truths[names[1]].origin == "review"
    assert truths[names[1]].value != 9.25, "the number that the tool filled in is not the label that was accepted"
    assert names[2] in {item["sample_id"] for item in steps.reviews(running.world, running.process)["items"]}
    (said,) = steps.review(running.world, running.process, tasks[0]["data"]["review"])["opinions"]
    assert said["evidence"]["regions"] == [{"start": 2.0, "end": 7.5, "labels": ["Unusual"]}]
    assert said["evidence"]["lead_time_s"] == 12.5
    before = _state(running)
    again = _take(running, tasks)
    assert (again["taken"], again["problems"]) == (0, [])
    assert _state(running) == before, "the same file twice changes nothing"
    tasks[0]["annotations"][0]["result"][0]["value"]["number"] = 8.0
    edited = _take(running, tasks)
    assert "settled" in edited["problems"][0]["problem"]
    assert _state(running) == before


def test_two_annotations_that_differ_are_two_opinions(running: Plant) -> None:
    (task,) = _queued(running, 1)
    task["annotations"] = [_annotation("anna", 9.0, "correct"), _annotation("bert", 50.0, "correct")]
    took = _take(running, task)
    assert (took["problems"], took["taken"]) == ([], 2)
    (item,) = steps.reviews(running.world, running.process)["items"]
    assert (item["state"], item["rounds"]) == ("waiting", 2)
    task["annotations"].append(_annotation("cleo", 50.0, "correct"))
    assert _take(running, task)["taken"] == 1
    truth = running.world.ledger.truths(running.process, [task["data"]["sample_id"]])
    assert truth[task["data"]["sample_id"]].value == 50.0


def test_a_file_with_anything_wrong_changes_nothing_and_says_everything(running: Plant) -> None:
    tasks = _queued(running)
    good = copy.deepcopy(tasks)
    for task in good:
        task["annotations"] = [_annotation("anna", 9.25, "correct")]
    bad = copy.deepcopy(good)
    bad[0]["annotations"][0]["result"][0]["value"]["number"] = 1e16
    bad[0]["annotations"].append(_annotation("bert", None, "accept", lead_time=float("nan")))
    bad[1]["data"]["sample_id"] = bad[1]["meta"]["sample_id"] = "nobody"
    bad[2]["annotations"].append(_annotation("anna", 9.5, "correct"))
    bad.append(copy.deepcopy(good[2]))
    bad.append({"data": {"process": "other", "sample_id": "s"}, "annotations": []})
    bad.append({"annotations": [_annotation("anna", 1.0)]})
    bad.append(7)
    before = _state(running)
    took = _take(running, bad)
    assert took["taken"] == 0
    assert _state(running) == before
    found = {one["path"]: one["problem"] for one in took["problems"]}
    assert len(found) == len(took["problems"])
    expected = {
        "$[0].annotations[0].result[0].value.number": "yield_rate from",
        "$[0].annotations[1].lead_time": "NaN",
        "$[1].data.sample_id": "expected a sample of the queue; found 'nobody'",
        "$[2].annotations[1]": "expected one opinion of each person; found another of anna",
        "$[3]": "expected each sample once",
        "$[4].data.process": f"expected {running.process}; found 'other'",
        "$[5].data.sample_id": "expected the id of a sample; found none",
        "$[6]": "found 7",
    }
    assert set(found) == set(expected)
    for path, said in expected.items():
        assert said in found[path]
    assert {one["task"] for one in took["problems"]} == set(range(7))
    assert _take(running, good)["taken"] == 3


def test_a_file_of_the_tools_own_form_is_taken(running: Plant) -> None:
    (task,) = _queued(running, 1)
    words = (FILES / "annotated.json").read_text()
    words = words.replace("PROCESS", running.process).replace("SAMPLE", task["data"]["sample_id"])
    document = json.loads(words.replace('"review": 0', f'"review": {task["data"]["review"]}'))
    took = _take(running, document)
    assert (took["problems"], took["taken"]) == ([], 2)
    shown = steps.review(running.world, running.process, task["data"]["review"])
    assert (shown["outcome"], shown["value"]) == ("correct", 5.25)
    assert [one["who"] for one in shown["opinions"]] == ["anna@plant.example", "label-studio:2"]
    assert shown["opinions"][0]["confidence"] == 0.8


def test_regions_alone_settle_nothing_and_are_kept(running: Plant) -> None:
    (task,) = _queued(running, 1)
    assert task["data"]["sample_id"] == "r001000"
    document = json.loads((FILES / "timeseries_single.json").read_text())
    took = _take(running, document)
    assert [one["path"].rpartition(".")[2] for one in took["problems"]] == ["start", "end"], "52 to 69 s of 30"
    del document[0]["annotations"][0]["result"][1]
    assert _take(running, document)["taken"] == 1
    shown = steps.review(running.world, running.process, task["data"]["review"])
    assert shown["state"] == "waiting"
    (said,) = shown["opinions"]
    assert (said["who"], said["action"]) == ("importer", "skip")
    assert said["evidence"]["regions"] == [{"start": 4, "end": 23, "labels": ["Run"]}]
