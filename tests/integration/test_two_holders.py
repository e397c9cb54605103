"""Two runs at once: one works, the other leaves; an orphan that wakes after its retry finished changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dq_pipeline import steps
from dq_pipeline.errors import LostClaimError

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

TABLES = ("batches", "scores", "predictions", "targets", "quarantine", "outbox", "detector_states", "drift_alarms")


@pytest.fixture
def fed(running: Plant) -> Plant:
    """A plant with twelve recordings on its topic."""
    running.publish(recordings(12, running.rng, first=1000))
    return running


def test_one_claims_and_the_other_leaves(fed: Plant) -> None:
    world, process = fed.world, fed.process
    pulled = steps.pull(world, process, holder="one")
    assert pulled is not None
    assert steps.pull(world, process, holder="two") is None
    with pytest.raises(LostClaimError, match="held by 'one'"):
        steps.assess(world, process, batch_id=pulled["batch_id"], holder="two")
    steps.assess(world, process, batch_id=pulled["batch_id"], holder="one")
    with pytest.raises(LostClaimError):
        steps.act(world, process, batch_id=pulled["batch_id"], holder="two")
    assert steps.act(world, process, batch_id=pulled["batch_id"], holder="one")["predictions"] == 12


@pytest.mark.parametrize("lost_at", ["mark_landed", "mark_assessed", "commit"])
def test_an_orphan_that_wakes_after_its_retry_changes_nothing(
    fed: Plant, lost_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orphan falls asleep just before a write; meanwhile its retry does everything."""
    before: dict[str, Any] = {}

    def asleep(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*args: Any) -> Any:
            monkeypatch.undo()  # the retry, and the orphan from here on, meet the real ledger
            assert fed.answer("run") is not None
            before.update(_everything(fed))
            return real(*args)

        return write

    monkeypatch.setattr(fed.world.ledger, lost_at, asleep(getattr(fed.world.ledger, lost_at)), raising=False)
    with pytest.raises(LostClaimError):
        fed.answer("run")
    assert _everything(fed) == before
    assert fed.summary()["recordings"]["accepted"] == len(fed.messages("predictions")) == 12
    fed.publish(recordings(3, fed.rng, first=2000))
    assert fed.answer("next")["predictions"] == 3  # type: ignore[index]


def _everything(plant: Plant) -> dict[str, Any]:
    """All that a batch leaves: the ledger's rows, and the assessment that its batch names."""
    rows = {table: _rows(plant, table) for table in TABLES}
    (batch,) = plant.world.ledger.committed(plant.process)
    files = ("samples.npz", "horizon-profile.npz", "completion-profile.npz", "outcome.json")
    return {**rows, **{name: plant.world.lake.get(f"{batch.uri}/{name}") for name in files}}


def _rows(plant: Plant, table: str) -> list[str]:
    found = plant.rows(f"SELECT to_jsonb(t) FROM dq.{table} t WHERE process = %s")
    return sorted(json.dumps(row, sort_keys=True) for row in found)
