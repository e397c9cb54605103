"""A period of the past is answered again from its messages, bit for bit by the release that answered it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dq_pipeline import steps
from dq_pipeline.errors import StateError
from dq_pipeline.steps.replay import COMPARED

from .conftest import Plant, faulty, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_the_same_release_answers_the_same_bit_for_bit(running: Plant) -> None:
    world, name = running.world, running.process
    late = recordings(7, running.rng, first=5000)
    for turn in range(4):
        runs = recordings(20, running.rng, first=1000 + 100 * turn)
        runs[3] = faulty(runs[3], running.rng)
        running.publish([*runs[:15], *late] if turn == 1 else runs[:15])
        running.publish(runs[15:], ("completion",))  # answered from their first rows
        running.publish(late, ("completion",)) if turn == 2 else None
        running.turn()
    held = steps.replay_period(world, name)
    assert len(held.samples) == 87
    (one,) = held.replayed
    assert (one.compared, one.differing) == (87, dict.fromkeys(COMPARED, 0))
    assert sum(row.fallback == "last_good" for row in one.rows.values()) == 4
    assert len({row.upper - row.lower for row in one.rows.values() if row.fallback is None}) > 4, (
        "the width was followed"
    )
    labels = {one.sample_id: one.target for one in held.samples}
    running.send(b"x", b"{", [])
    running.flush()
    running.turn()
    version = world.ledger.production(name).version
    again = steps.replay_period(world, name, releases=[version, "file"], last=40, keep=True)
    assert {one.name: (one.compared, sum(one.differing.values())) for one in again.replayed}[version] == (40, 0)
    assert all(labels[one.sample_id] == one.target for one in again.samples)
    kept = running.rows("SELECT count(*) FROM dq.predictions WHERE process = %s AND role = 'replay'")
    assert kept == [(40,)]
    steps.replay_period(world, name, releases=[version], last=40, keep=True)
    assert running.rows("SELECT count(*) FROM dq.predictions WHERE process = %s AND role = 'replay'") == kept
    assert running.summary()["duplicates"] == 0


def test_periods_are_named_by_number_time_or_batch(running: Plant) -> None:
    world, name = running.world, running.process
    for turn in range(3):
        running.publish(recordings(12, running.rng, first=1000 + 12 * turn))
        running.turn()
    everything = steps.replay_period(world, name).samples
    middle = [one for one in everything if one.sample in range(12, 24)]
    assert steps.replay_period(world, name, first=12, stop=24).samples == tuple(middle)
    assert steps.replay_period(world, name, batches=[middle[0].batch_id]).samples == tuple(middle)
    since, until = min(one.start for one in middle), max(one.start for one in middle)
    assert steps.replay_period(world, name, since=since, until=until).samples == tuple(middle[:-1])
    with pytest.raises(StateError, match="found none"):
        steps.replay_period(world, name, first=1000)
    with pytest.raises(StateError, match="no release '99'"):
        steps.replay_period(world, name, releases=["99"])


def test_what_a_code_change_would_change_is_counted(running: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    running.publish(recordings(12, running.rng, first=1000))
    running.turn()
    from dq_pipeline.model.features import Features

    real = Features.transform
    monkeypatch.setattr(Features, "transform", lambda self, batch: real(self, batch)[:, ::-1].copy())
    (one,) = steps.replay_period(running.world, running.process).replayed
    assert one.differing["value"] > 6
    assert one.differing["unified"] == 0
    assert replace(one, rows={}).compared == 12


def test_a_life_with_a_drift_an_adaptation_and_a_rollback_is_the_same_again(plant: Plant) -> None:
    world, name = plant.world, plant.process
    first = plant.initialize()
    for turn in range(8):
        plant.publish(recordings(25, plant.rng, first=1000 + 25 * turn, shift=4.0 if turn > 2 else 0.0))
        plant.turn()
    second = world.ledger.production(name).version
    assert second != first
    steps.roll_back(world, name, version=first, who="anna", why="a try")
    plant.publish(recordings(25, plant.rng, first=3000, shift=4.0))
    plant.turn()
    (one,) = steps.replay_period(world, name).replayed
    assert (one.compared, one.differing) == (225, dict.fromkeys(COMPARED, 0))
    assert {row.release for row in one.rows.values()} >= {first, second}
    told = steps.compare(world, name, releases=[first, second], first=75, stop=200)
    error = {row["name"]: row["error"] for row in told["figures"]}
    assert error[second] < error[first]
    assert told["learned"][first] == 0
    assert told["learned"][second] > 0, "it was trained on the samples since the drift, and the comparison says so"
