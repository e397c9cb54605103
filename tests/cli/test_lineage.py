from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dq_pipeline import steps
from dq_pipeline.cli import lineage
from dq_pipeline.cli.main import app

RELEASE = {"version": "3", "stage": "Production", "kind": "refit", "key": "labels-0-7", "run_id": "4711"}
REFUSAL = {"sample_id": "run [7]", "gate": "consistency", "figure": 5.25, "limit": 2.2, "why": "contradicts"}
PART = {"batch": "b1", "source": "stream", "topic": "rig.samples", "samples": 40, "ids": []}
BATCH: dict[str, Any] = {
    "hash": "0123456789abcdef",
    "samples": 340,
    "refused": 1,
    "counts": {"consistency": 1},
    "refusals": [REFUSAL],
    "reviewers": {"anna": 2},
    "learned_by": [RELEASE, {"key": "labels-0-9", "version": None}],
    "micro_batches": [
        {**PART, "batch": "00000000-00000100", "source": "history", "topic": None, "ranges": []},
        {**PART, "ranges": [{"partition": 0, "start": 80, "stop": 160}]},
    ],
}
SAMPLE: dict[str, Any] = {
    "sample_id": "run [7]",
    "messages": [
        {"scope": "completion", "batch_id": "b1", "topic": "rig.samples", "partition": 0, "offset": 99},
        {"scope": "horizon", "batch_id": "b1", "topic": "rig.samples", "partition": None, "offset": None},
    ],
    "target": {"value": 1.25, "origin": "review", "by": "anna"},
    "batches": [{"hash": BATCH["hash"], "target": 1.25, "weight": 1.0, "learned_by": [RELEASE]}],
    "refused": [{"gate": "conflict", "why": "labels contradict", "times": 2}],
}
GATE: dict[str, Any] = {
    "process": "rig",
    "release": "3",
    "labelled": 400,
    "passed": 399,
    "unlabelled": 7,
    "new": 30,
    "counts": {"consistency": 1},
    "figures": {"relevance": {"beyond_known": 0.25}, "consistency": {"checked": 400, "in_doubt": 12}},
    "refused": [REFUSAL],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the steps were asked for, in a world without servers."""
    calls: list[Any] = []

    @contextmanager
    def world() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ledger=SimpleNamespace(migrate=lambda: None))

    def walked(_world: object, process: str, **options: Any) -> dict[str, Any]:
        calls.append({name: value for name, value in options.items() if value is not None})
        if options["sample"] or options["message"]:
            return {"process": process, "samples": [SAMPLE]}
        return {"process": process, "release": None if options["batch"] else RELEASE, "batch": BATCH}

    monkeypatch.setattr(lineage, "world", world)
    monkeypatch.setattr(steps, "lineage", walked)
    monkeypatch.setattr(steps, "would_refuse", lambda *_, **options: calls.append(options) or GATE)
    return calls


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})


def told(shown: str, *words: str) -> None:
    for word in words:
        assert word in shown, shown


def test_walks_from_a_release_to_offsets(asked: list[Any]) -> None:
    told(
        run("lineage", "rig", "--version", "3").output,
        "release 3 of rig (Production, refit)",
        "MLflow run 4711",
        "training batch 0123456789ab: 340 samples, 1 refused",
        "consistency: 1, as run [7]: contradicts",
        "reviewed by anna (2)",
        "challenger labels-0-9, never registered",
        "history 00000000-00000100: 40 samples",
        "stream b1: 40 samples of rig.samples, partition 0: 80 to 159",
    )
    told(run("lineage", "rig", "--batch", "0123").output, "training batch 0123456789ab", "release 3 (Production)")
    assert asked == [{"version": "3"}, {"batch": "0123"}]
    assert json.loads(run("lineage", "rig", "--json").output)["batch"] == BATCH


def test_walks_from_a_sample_or_a_message_to_releases(asked: list[Any]) -> None:
    shown = run("lineage", "rig", "--sample", "run [7]").output
    told(
        shown,
        "sample run [7]",
        "completion: rig.samples, partition 0, offset 99, micro-batch b1",
        "horizon: rig.samples, offset not kept",
        "label 1.25 (review by anna)",
        "release 3 (Production), MLflow run 4711",
        "refused 2 times by conflict: labels contradict",
    )
    assert run("lineage", "rig", "--message", "0:99").output == shown
    assert asked == [{"sample": "run [7]"}, {"message": (0, 99)}]


@pytest.mark.parametrize("place", ["99", "a:1", "0:-1", ":", "0:1:2"])
def test_a_message_that_is_no_place_is_refused(asked: list[Any], place: str) -> None:
    refused = run("lineage", "rig", "--message", place)
    assert (refused.exit_code, "PARTITION:OFFSET expected" in refused.output) == (1, True)
    assert not asked


def test_shows_what_the_next_training_would_refuse(asked: list[Any]) -> None:
    told(
        run("gate", "rig", "--limit", "2").output,
        "run [7]",
        "5.25",
        "Of 400 labelled samples 399 would be learned from, 30 of them new to release 3; 7 have no label.",
        "25% of the new samples",
        "12 of 400 labels contradict others; 1 are refused.",
    )
    assert asked == [{"limit": 2}]
    assert json.loads(run("gate", "rig", "--json").output) == GATE
