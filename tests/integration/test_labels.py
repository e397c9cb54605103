"""Labels that come late, over their topic and from rows, are joined by sample id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.errors import RegistryError
from dq_pipeline.recording import Recording
from dq_pipeline.records import FlagKind, Outgoing
from dq_pipeline.wire.labels import Label, encode_label

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _say(plant: Plant, *messages: tuple[bytes, bytes, list[tuple[str, bytes]]]) -> None:
    topic = plant.world.process(plant.process).stream.labels_topic
    plant.world.stream.publish([Outgoing(topic, key, value, tuple(headers)) for key, value, headers in messages])


def _label(plant: Plant, run: Recording, value: float) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    return encode_label(Label(run.sample_id, value, source="laboratory"), plant.world.process(plant.process))


@pytest.fixture
def unlabelled(running: Plant) -> tuple[Plant, list[Recording]]:
    """Answered recordings that carried no target."""
    runs = [Recording(r.sample_id, r.source, r.start, r.sensors, r.values) for r in recordings(6, running.rng)]
    running.publish(runs)
    running.answer()
    assert running.world.ledger.judged(running.process) == []
    return running, runs


def test_labels_of_the_topic_are_joined_once_and_bad_ones_are_dead_letters(
    unlabelled: tuple[Plant, list[Recording]],
) -> None:
    plant, runs = unlabelled
    _say(plant, *(_label(plant, run, 5.0 + i) for i, run in enumerate(runs[:4])), (b"rig/x", b'{"value":', []))
    assert steps.take_labels(plant.world, plant.process) == {
        "process": plant.process,
        "read": 5,
        "new": 4,
        "refused": 1,
        "warning": None,
    }
    assert [row.target for row in plant.world.ledger.judged(plant.process)] == [5.0, 6.0, 7.0, 8.0]
    (letter,) = plant.messages("dead_letter")
    assert (letter["reason"], letter["topic"].endswith(".labels")) == ("unreadable", True)

    _say(plant, _label(plant, runs[0], 5.0), _label(plant, runs[1], 1.5))
    taken = steps.take_labels(plant.world, plant.process)
    assert (taken["read"], taken["new"]) == (2, 1), "the same label twice is one"
    assert plant.world.ledger.targets(plant.process, [runs[0].sample_id]) == {runs[0].sample_id: 5.0}
    assert plant.world.ledger.judged(plant.process)[1].target == 1.5, "the newest is believed"
    assert steps.take_labels(plant.world, plant.process)["read"] == 0


def test_labels_from_rows_are_joined_and_bad_rows_named(unlabelled: tuple[Plant, list[Recording]]) -> None:
    plant, runs = unlabelled
    rows = [{"sample_id": runs[0].sample_id, "value": 4.5}, {"sample_id": runs[1].sample_id, "value": "much"}, {}]
    added = steps.add_labels(plant.world, plant.process, rows)
    assert (added["read"], added["new"]) == (3, 1)
    assert [(bad["row"], bad["reason"]) for bad in added["refused"]] == [(2, "not_numeric"), (3, "schema")]
    assert [row.target for row in plant.world.ledger.judged(plant.process)] == [4.5]
    assert steps.add_labels(plant.world, plant.process, rows)["new"] == 0


def test_a_process_of_labels_alone_learns_and_is_judged(plant: Plant) -> None:
    plant.edit(target={"name": "yield_rate", "unit": "1", "from": "labels", "column": None, "rows": None})
    past = recordings(220, np.random.default_rng(7))
    steps.add_labels(plant.world, plant.process, [_row(run) for run in past])
    plant.initialize()
    runs = recordings(40, plant.rng, first=1000)
    plant.publish(runs)
    assert plant.turn()["branch"] == "nothing"
    assert plant.figures()["judged"] == 0
    _say(plant, *(_label(plant, run, _row(run)["value"]) for run in runs))
    plant.publish(recordings(5, plant.rng, first=2000))
    assert plant.turn()["branch"] == "nothing"
    assert plant.figures()["judged"] == 40
    assert plant.figures()["mae"] < 1.0


def _row(run: Recording) -> dict[str, Any]:
    return {"sample_id": run.sample_id, "value": float(run.target[20:].mean())}


def test_a_label_may_come_before_its_recording(running: Plant) -> None:
    run = recordings(1, running.rng, first=1000)[0]
    steps.add_labels(running.world, running.process, [{"sample_id": run.sample_id, "value": 4.5}])
    running.publish([Recording(run.sample_id, run.source, run.start, run.sensors, run.values)])
    running.answer()
    assert [row.target for row in running.world.ledger.judged(running.process)] == [4.5]


def test_labels_are_taken_with_a_warning_where_the_release_cannot_be_had(
    unlabelled: tuple[Plant, list[Recording]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, runs = unlabelled

    def gone(*_: Any) -> Any:
        raise RegistryError("MLflow expected, found nobody")

    monkeypatch.setattr(plant.world.registry, "fetch", gone)
    added = steps.add_labels(plant.world, plant.process, [{"sample_id": runs[0].sample_id, "value": 99.0}])
    assert (added["new"], "found nobody" in added["warning"]) == (1, True)
    _say(plant, _label(plant, runs[1], 99.0), _label(plant, runs[0], 1.0))
    taken = steps.take_labels(plant.world, plant.process)
    assert (taken["new"], "found nobody" in taken["warning"]) == (2, True)
    by_label = (FlagKind.BEYOND_INTERVAL, FlagKind.CONFLICTING_LABELS)
    flags = [(row.flag.sample_id, row.flag.kind) for row in plant.world.ledger.flags(plant.process, kinds=by_label)]
    assert flags == [(runs[0].sample_id, FlagKind.CONFLICTING_LABELS)]


def test_a_label_keeps_its_way_its_time_and_its_lag(unlabelled: tuple[Plant, list[Recording]]) -> None:
    plant, runs = unlabelled
    row = {"sample_id": runs[1].sample_id, "value": 4.5, "at": "2026-03-01T10:00:00Z", "annotator": "anna"}
    assert steps.add_labels(plant.world, plant.process, [row], origin="http")["new"] == 1
    known = plant.world.ledger.truths(plant.process, [runs[1].sample_id])[runs[1].sample_id]
    assert (known.origin, known.annotator, known.lag) == ("http", "anna", 4)
    assert known.determined_at is not None
    assert known.determined_at.isoformat() == "2026-03-01T10:00:00+00:00"
    state = steps.label_state(plant.world, plant.process)
    assert (state["origins"]["http"]["targets"], state["waiting"], state["lag_samples"]["p50"]) == (1, 5, 4.0)


def test_a_recording_that_brings_another_target_than_its_label_is_judged_by_the_label(running: Plant) -> None:
    runs = recordings(12, running.rng, first=1000)
    steps.add_labels(running.world, running.process, [{"sample_id": runs[3].sample_id, "value": 99.0}])
    running.publish(runs)
    running.answer()
    beyond = [row.flag for row in running.world.ledger.flags(running.process, kinds=[FlagKind.BEYOND_INTERVAL])]
    assert [flag.evidence["target"] for flag in beyond if flag.sample_id == runs[3].sample_id] == [99.0]
