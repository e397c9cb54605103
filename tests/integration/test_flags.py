"""Samples that a person should look at: flagged once, exported whole, and never learned from once rejected."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dq_pipeline import steps
from dq_pipeline.cli.flags import write
from dq_pipeline.errors import StateError
from dq_pipeline.records import FlagKind
from dq_pipeline.steps import serving
from dq_pipeline.steps.training_data import training_data

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _flags(plant: Plant) -> set[tuple[str, str]]:
    return {(row.flag.sample_id, str(row.flag.kind)) for row in plant.world.ledger.flags(plant.process)}


def _stream(plant: Plant, n: int = 60) -> list[Any]:
    """Usual recordings, but the inlet of the third reads high and the target of the fifth is another."""
    runs = recordings(n, plant.rng, first=1000)
    values = runs[2].values.copy()
    values[:, 1] += 60.0
    runs[2] = dataclasses.replace(runs[2], values=values)
    runs[4] = dataclasses.replace(runs[4], target=runs[4].target + 30.0)
    return runs


def test_what_is_wrong_is_flagged_once_however_often_the_tasks_run(running: Plant) -> None:
    runs = _stream(running)
    running.publish(runs)
    pulled = steps.pull(running.world, running.process, holder="test")
    assert pulled is not None
    batch_id = pulled["batch_id"]
    told = [steps.assess(running.world, running.process, batch_id=batch_id, holder="test") for _ in range(2)]
    assert told[0] == told[1]
    assert _flags(running) == set(), "an assessment decides, it commits nothing"
    for _ in range(2):
        steps.act(running.world, running.process, batch_id=batch_id, holder="test")
    steps.assess(running.world, running.process, batch_id=batch_id, holder="test")
    found = _flags(running)
    assert (runs[2].sample_id, "out_of_distribution") in found
    assert (runs[4].sample_id, "beyond_interval") in found
    assert len(found) == len(running.world.ledger.flags(running.process)) < 20
    (far,) = [
        row.flag
        for row in running.world.ledger.flags(running.process, kinds=[FlagKind.OUT_OF_DISTRIBUTION])
        if row.flag.sample_id == runs[2].sample_id
    ]
    assert far.evidence["sensors"][0]["sensor"] == "inlet"
    rate = steps.flags(running.world, running.process)["rate"]
    assert (rate["answered"], rate["budget_per_100"], rate["why"]) == (60, 5.0, None)
    assert rate["flagged"] == told[0]["flagged"] == len({name for name, _ in found})


def test_a_target_that_comes_after_its_answer_is_judged_whichever_way_it_comes(running: Plant) -> None:
    runs = _stream(running)
    running.publish(runs, scopes=("horizon",))
    running.answer()
    assert (runs[2].sample_id, "out_of_distribution") in _flags(running), "the horizon is enough"
    assert not any(kind == "beyond_interval" for _, kind in _flags(running))
    running.publish(runs, scopes=("completion",))
    running.answer()
    assert (runs[4].sample_id, "beyond_interval") in _flags(running)
    label = {"sample_id": runs[7].sample_id, "value": 99.0}
    before = _flags(running)
    for _ in range(2):
        steps.add_labels(running.world, running.process, [label])
    assert _flags(running) - before == {(runs[7].sample_id, "beyond_interval")}


def test_a_label_that_was_there_first_is_judged_with_the_answer(running: Plant) -> None:
    runs = [dataclasses.replace(run, target=None) for run in recordings(15, running.rng, first=1000)]
    steps.add_labels(running.world, running.process, [{"sample_id": runs[3].sample_id, "value": 99.0}])
    assert _flags(running) == set()
    running.publish(runs)
    running.answer()
    assert (runs[3].sample_id, "beyond_interval") in _flags(running)


def test_a_release_without_rules_flags_nothing_and_says_so(running: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    older = serving.load

    def without(*arguments: Any) -> Any:
        found = older(*arguments)
        return dataclasses.replace(found, bundle=dataclasses.replace(found.bundle, flags=None))

    monkeypatch.setattr(serving, "load", without)
    running.publish(_stream(running))
    running.answer()
    steps.add_labels(running.world, running.process, [{"sample_id": "r001001", "value": 99.0}])
    assert _flags(running) == set()
    assert "has no flag rules" in steps.flags(running.world, running.process)["rate"]["why"]


def test_flagged_samples_are_exported_whole(running: Plant, tmp_path: Path) -> None:
    runs = _stream(running)
    running.publish(runs)
    late = recordings(1, running.rng, first=2000)
    running.publish(late, scopes=("horizon",))
    running.answer()
    steps.report(running.world, running.process, late[0].sample_id, why="odd noise", who="anna", rating=2)

    def rows(**options: Any) -> list[dict[str, Any]]:
        return list(steps.export_rows(running.world, running.process, **options))

    every = rows()
    assert len(every) == len({row["sample_id"] for row in every}) == len({name for name, _ in _flags(running)})
    (row,) = [row for row in every if row["sample_id"] == runs[2].sample_id]
    assert row["curves"]["inlet"] == runs[2].values[:, 1].tolist()
    assert (len(row["t_s"]), row["target_name"], row["horizon_rows"]) == (30, "yield_rate", 20)
    band = row["band"]["inlet"]
    assert all(
        low < middle < high for low, middle, high in zip(*map(band.get, ("lower", "median", "upper")), strict=True)
    )
    assert row["lower"] < row["prediction"] < row["upper"]
    assert row["target"] is not None
    assert (every[0]["sample_id"], every[0]["curves"], every[0]["kinds"]) == (late[0].sample_id, None, ["reported"])
    assert [one["sample_id"] for one in rows(limit=1)] == [late[0].sample_id]
    assert rows(kinds=[FlagKind.REPORTED]) == every[:1]

    assert write(iter(every), tmp_path / "flags.jsonl") == len(every)
    lines = (tmp_path / "flags.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == every
    assert write(iter(every), tmp_path / "flags.parquet") == len(every)
    table = pq.read_table(tmp_path / "flags.parquet").to_pylist()
    assert [one["sample_id"] for one in table] == [one["sample_id"] for one in every]
    written = next(one for one in table if one["sample_id"] == runs[2].sample_id)
    assert dict(written["curves"]) == row["curves"]
    assert json.loads(written["band"]) == row["band"]
    assert json.loads(written["flags"]) == row["flags"]


def test_a_rejected_sample_never_trains_in_stream_or_history(running: Plant) -> None:
    runs = recordings(12, running.rng, first=1000)
    running.publish(runs)
    running.answer()
    process = running.world.process(running.process)
    before = training_data(running.world, process)
    spoken = {"why": "valve open", "who": "anna"}
    for name in (runs[3].sample_id, "r000007"):
        assert steps.report(running.world, running.process, name, reject=True, **spoken)["new"]
        assert not steps.report(running.world, running.process, name, reject=True, **spoken)["new"]
    assert steps.report(running.world, running.process, runs[5].sample_id, rating=1, **spoken)["new"]
    after = training_data(running.world, process)
    lost = {after.batch.ids[i] for i in np.flatnonzero(before.learnable & ~after.learnable)}
    assert lost == {runs[3].sample_id, "r000007"}
    assert int(np.isfinite(before.unified).sum()) == len(before), "history and stream are scored"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"why": "  "}, "a reason of 1 to 2000 characters expected"),
        ({"why": "x" * 2001}, "found 2001"),
        ({"why": "odd", "rating": 6}, "a rating of 1 to 5 expected, found 6"),
        ({"why": "odd", "rating": 0}, "found 0"),
        ({"why": "odd"}, "found no 'nobody'"),
    ],
)
def test_a_report_that_says_nothing_or_of_nobody_is_refused(running: Plant, options: Any, said: str) -> None:
    with pytest.raises(StateError, match=said):
        steps.report(running.world, running.process, "nobody", who="anna", **options)
    assert running.world.ledger.flags(running.process) == []
