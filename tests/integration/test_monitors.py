"""The deployment's own monitors: what no sensor shows is found and named, lost rows are, and calm raises nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.recording import Recording
from dq_pipeline.records import Alert, Cause, Ending
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import in_production
from dq_pipeline.triage.folding import MONITOR
from dq_pipeline.triage.monitors import Held, watch

from .conftest import ROWS, Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def meaning_more(runs: Sequence[Recording], by: float) -> list[Recording]:
    """The same inputs, another target."""
    return [replace(run, target=None if run.target is None else run.target + by) for run in runs]


def wrong(runs: Sequence[Recording], share: float, by: float, rng: np.random.Generator) -> list[Recording]:
    """The same runs, some of whose targets are far off, up or down."""
    off = [float(by * rng.choice([-1.0, 1.0]) * rng.uniform(1.0, 2.0)) if rng.random() < share else 0.0 for _ in runs]
    return [meaning_more([run], one)[0] for run, one in zip(runs, off, strict=True)]


def losing(runs: Sequence[Recording], share: float, rng: np.random.Generator) -> list[Recording]:
    """The same runs without some of their rows."""
    found = []
    for run in runs:
        values = run.values.copy()
        values[rng.random(ROWS) < share] = np.nan
        found.append(replace(run, values=values))
    return found


def told_of(plant: Plant) -> list[str]:
    """What people were told of since the release answers."""
    return [notice.title for notice in plant.notices.told if "is in Production" not in notice.title]


def feed(plant: Plant, turns: int, first: int) -> None:
    for turn in range(turns):
        plant.publish(recordings(25, plant.rng, first=first + 25 * turn))
        plant.turn()


@pytest.fixture
def calm(plant: Plant) -> Plant:
    """Six calm turns of a process whose drift policy does nothing by itself."""
    plant.edit(drift={"policy": "static"})
    plant.initialize()
    feed(plant, 6, 1000)
    return plant


def test_a_calm_stream_raises_nothing(running: Plant) -> None:
    feed(running, 8, 1000)
    assert running.world.ledger.alerts(running.process) == []
    assert not [one for one in running.world.ledger.incidents(running.process) if one.cause]


def test_an_alarm_with_nothing_behind_it_bothers_nobody(running: Plant) -> None:
    ledger, process = running.world.ledger, running.process
    feed(running, 5, 1000)
    evidence = {"release": "1", "sample": 110, "samples": [90, 111]}
    key = "monitor:lost_rows:1:110"
    ledger.raise_alert(
        process, Alert(MONITOR, key, "warning", "more rows are lost", "lost_rows", 90, evidence), utc_now()
    )
    feed(running, 1, 1125)
    (row,) = ledger.alerts(process, standing=True, unfolded=True)
    assert row.alert.key == key
    feed(running, 3, 1150)
    (row,) = ledger.alerts(process)
    assert row.cleared_at is not None
    assert row.alert.evidence["found"].startswith("nothing: ")
    assert row.alert.evidence["samples"] == [90, 111]
    assert not [one for one in ledger.incidents(process) if one.cause]


def test_another_target_for_the_same_inputs_is_found_and_named_within_100_samples(calm: Plant) -> None:
    ledger, process = calm.world.ledger, calm.process
    for turn in range(4):
        calm.publish(meaning_more(recordings(25, calm.rng, first=1150 + 25 * turn), 0.6))
        assert calm.answer() is not None
        steps.decide(calm.world, process)
        if any(one.cause for one in ledger.incidents(process)):
            break
    (incident,) = [one for one in ledger.incidents(process) if one.cause]
    assert incident.cause is Cause.CONCEPT_DRIFT
    assert told_of(calm) == [incident.title]
    assert 145 <= (incident.first or 0) <= 160
    (row,) = ledger.alerts(process)
    assert (row.alert.kind, row.alert.subject, row.incident) == (MONITOR, "error", incident.id)
    assert row.alert.key.startswith("monitor:error:1:")
    steps.decide(calm.world, process)
    assert ledger.alerts(process) == [row]


def test_wrong_labels_are_found_and_named_within_100_samples(calm: Plant) -> None:
    ledger, process = calm.world.ledger, calm.process
    for turn in range(4):
        calm.publish(wrong(recordings(25, calm.rng, first=1150 + 25 * turn), 0.3, 2.0, calm.rng))
        assert calm.answer() is not None
        steps.decide(calm.world, process)
        if any(one.cause for one in ledger.incidents(process)):
            break
    (incident,) = [one for one in ledger.incidents(process) if one.cause]
    assert incident.cause is Cause.LABELS
    assert {(row.alert.kind, row.alert.subject, row.incident) for row in ledger.alerts(process)} == {
        (MONITOR, "error", incident.id)
    }
    assert told_of(calm) == [incident.title]


def test_what_raises_and_finds_is_what_the_benchmark_measures(calm: Plant) -> None:
    """The alarms of the deployment are those of one call over all its samples, with the errors of the release."""
    ledger, process = calm.world.ledger, calm.process
    calm.publish(meaning_more(recordings(50, calm.rng, first=1150), 0.6))
    while calm.answer() is not None:
        steps.decide(calm.world, process)
    serving = in_production(calm.world, process)
    forward = serving.bundle.forward_errors
    assert forward is not None
    rows = ledger.delivered(process, 0)
    error = np.array([row.target - row.value for row in rows])  # type: ignore[operator]
    (first, *_) = watch(Held(), {"error": (np.arange(len(rows)), error)}, errors=forward.error)[1]
    (row,) = ledger.alerts(process)
    assert row.alert.evidence["sample"] == first.sample
    assert row.alert.evidence["samples"] == [first.begin, first.sample + 1]
    assert row.alert.evidence["statistic"] == pytest.approx(first.statistic, abs=1e-3)


def test_lost_rows_are_found_and_named_within_100_samples_and_once(calm: Plant) -> None:
    ledger, process = calm.world.ledger, calm.process
    for turn in range(4):
        calm.publish(losing(recordings(25, calm.rng, first=1150 + 25 * turn), 0.15, calm.rng))
        assert calm.answer() is not None
        steps.decide(calm.world, process)
    (incident,) = [one for one in ledger.incidents(process) if one.cause]
    assert incident.cause is Cause.LATE_DATA
    assert told_of(calm) == [incident.title]
    told = ledger.alerts(process)
    assert {row.alert.kind for row in told} == {MONITOR}
    assert "lost_rows" in {row.alert.subject for row in told}
    assert len({row.alert.subject for row in told}) == len(told)
    assert {row.incident for row in told} == {incident.id}

    feed(calm, 4, 1250)  # all comes again: closed, cleared, and the same stretch raises nothing anew
    (closed,) = [one for one in ledger.incidents(process) if one.cause]
    assert closed.ending is Ending.RECOVERED
    assert ledger.alerts(process, standing=True) == []
    assert len(ledger.alerts(process)) == len(told)


def test_lost_messages_are_found_and_named_within_100_samples(calm: Plant) -> None:
    ledger, process = calm.world.ledger, calm.process
    first = 1150
    for _ in range(4):
        runs = recordings(50, calm.rng, first=first)
        first += 50
        calm.publish([run for run in runs if calm.rng.random() < 0.5][:25])
        assert calm.answer() is not None
        steps.decide(calm.world, process)
        if any(one.cause for one in ledger.incidents(process)):
            break
    (incident,) = [one for one in ledger.incidents(process) if one.cause]
    assert incident.cause is Cause.LATE_DATA
    assert {(row.alert.subject, row.incident) for row in ledger.alerts(process)} == {("not_come", incident.id)}
    assert told_of(calm) == [incident.title]
    steps.decide(calm.world, process)
    assert len(ledger.alerts(process)) == 1
