"""What the monitors are shown of the ledger's samples, and what they make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dq_pipeline.records import Delivered
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.delivered import Carried, lost_of, shown
from dq_pipeline.triage import monitors

START = datetime(2026, 1, 1, tzinfo=UTC)
USUAL = np.random.default_rng(9).normal(scale=0.1, size=120)


def serving(target: str = "completion", task: str = "regression") -> Any:
    process = SimpleNamespace(
        sensor_names=("a", "b"),
        sample=SimpleNamespace(rows=30, period_s=1.0),
        target=SimpleNamespace(task=task, from_=target),
    )
    return SimpleNamespace(version="2", process=process)


def came(n: int, seed: int = 0) -> list[Delivered]:
    rng = np.random.default_rng(seed)
    return [
        Delivered(
            sample=i,
            start=START + timedelta(minutes=i),
            arrived_at=START + timedelta(minutes=i, seconds=30.0 + float(rng.uniform(1, 3))),
            lost=(),
            release="2",
            value=1.0,
            target=1.0 + float(rng.normal(scale=0.1)),
            lag=0,
        )
        for i in range(n)
    ]


def found(rows: list[Delivered], of: Any = None, errors: Any = USUAL) -> list[Any]:
    """What is raised over the turns of 25 samples each; a label is there once so many samples have come as it lags."""
    of, carried, raised = of or serving(), Carried(0, 0, release="2"), []
    for stop in range(25, len(rows) + 1, 25):
        known = [row if row.sample + (row.lag or 0) < stop else replace(row, target=None) for row in rows[:stop]]
        now, carried = shown(of, carried, known[carried.labels :], ())
        held, alarms = monitors.watch(carried.held, now, errors=errors)
        carried = Carried.from_json(json.loads(json.dumps(replace(carried, held=held).to_json())))
        raised += alarms
    return raised


@pytest.mark.parametrize("seed", range(4))
def test_calm_samples_raise_nothing(seed):
    assert found(came(300, seed)) == []


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("error", lambda row: replace(row, target=row.target + 0.3)),
        ("lost_rows", lambda row: replace(row, lost=(0.2, 0.0, 0.0, 0.0))),
        ("late_rows", lambda row: replace(row, lost=(0.0, 0.2, 0.0, 0.0))),
        ("lost_readings", lambda row: replace(row, lost=(0.0, 0.0, 0.0, 0.3))),
        ("late_samples", lambda row: replace(row, arrived_at=row.arrived_at + timedelta(minutes=5))),
        ("unlabelled", lambda row: replace(row, target=None)),
    ],
)
def test_what_changes_is_raised_with_the_numbers_of_its_samples(kind, spoil):
    rows = [spoil(row) if row.sample >= 150 else row for row in came(250)]
    one = found(rows)[0]
    assert one.kind == kind
    assert 150 <= one.sample < 190
    assert abs(one.begin - 150) <= 10


def test_errors_are_those_of_the_release_that_answers():
    other = [replace(row, release="1", target=9.0) if row.sample < 100 else row for row in came(250)]
    assert found(other) == []
    shifted = [replace(row, target=row.target + 0.5) if row.sample >= 120 else row for row in other]
    assert next(one.kind for one in found(shifted)) == "error"


def test_a_release_without_errors_of_its_own_is_watched_once_it_has_given_enough():
    early = [replace(row, target=row.target + 0.5) if row.sample >= 40 else row for row in came(100)]
    assert found(early, errors=None) == []
    later = [replace(row, target=row.target + 0.5) if row.sample >= 100 else row for row in came(200)]
    assert {one.kind for one in found(later, errors=None)} == {"error"}
    assert 100 <= found(later, errors=None)[0].sample < 130


def test_labels_that_always_come_late_are_not_missed():
    late = [replace(row, lag=40) for row in came(400, seed=3)]
    assert found(late, serving("labels")) == []
    gone = [replace(row, target=None, lag=None) if row.sample >= 250 else row for row in late]
    assert {one.kind for one in found(gone, serving("labels"))} == {"unlabelled"}
    assert found(gone, serving("labels"))[0].begin == 250
    shifted = [replace(row, target=row.target + 0.5) if row.sample >= 250 else row for row in late]
    assert {one.kind for one in found(shifted, serving("labels"))} == {"error"}


def test_another_release_is_held_against_its_own_errors():
    carried = Carried(0, 0, release="1", own=True, held=monitors.watch(monitors.Held(), {
        "error": (np.arange(90), np.zeros(90)), "lost_rows": (np.arange(90), np.zeros(90))})[0])  # fmt: skip
    assert carried.of("1") is carried
    other = carried.of("2")
    assert (other.release, other.own, len(other.held.errors.own)) == ("2", False, 0)
    assert set(other.held.usual) == {"lost_rows"}


def test_lost_rows_and_readings_are_counted():
    values = np.zeros((3, 10, 4))
    values[1, :2] = np.nan
    values[2, :, 3] = np.nan
    n = np.arange(3)
    batch = SampleBatch(
        sensors=("a", "b", "c", "d"),
        ids=("x", "y", "z"),
        sources=("", "", ""),
        start=n.astype("datetime64[us]"),
        values=values,
        received=np.full(3, 10),
        disordered=np.array([0, 5, 0]),
        target=np.full(3, np.nan),
        metadata=({}, {}, {}),
    )
    assert lost_of(batch, 10) == [(), (0.2, 0.5, 0.2, 0.2, 0.2, 0.2), (0.0, 0.0, 0.0, 0.0, 0.0, 1.0)]
    assert lost_of(batch.take([]), 10) == []


def test_samples_that_never_come_are_missed_where_they_start_at_a_steady_pace():
    lost = np.random.default_rng(4).random(400) < 0.5
    rows = [row for row in came(400) if row.sample < 150 or not lost[row.sample]]
    numbered = [replace(row, sample=i) for i, row in enumerate(rows)]
    one = found(numbered)[0]
    assert (one.kind, abs(one.begin - 150) <= 10, one.sample < 190) == ("not_come", True, True)
    rng = np.random.default_rng(5)
    unsteady = [replace(row, start=row.start + timedelta(minutes=float(rng.uniform(0, 30)))) for row in numbered]
    assert "not_come" not in {one.kind for one in found(unsteady)}


def test_a_plant_that_stood_still_lost_nothing():
    rows = [replace(r, start=r.start + timedelta(days=2), arrived_at=None) if r.sample >= 150 else r for r in came(250)]
    assert found(rows) == []
