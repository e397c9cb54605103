"""A run that is killed anywhere loses nothing, and its retry repeats nothing visible."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from dq_pipeline import steps

from .conftest import Plant, recordings  # type: ignore[import-not-found]
from .killed import run_killed  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

POINTS = (
    ("ledger", "claim", "before"),
    ("ledger", "claim", "after"),
    ("lake", "put", "before"),  # the landing
    ("lake", "put", "after"),
    ("ledger", "mark_landed", "after"),
    ("lake", "put", "before-3"),  # between two files of the assessment
    ("ledger", "mark_assessed", "before"),
    ("ledger", "mark_assessed", "after"),
    ("ledger", "commit", "before"),
    ("ledger", "commit", "after"),
    ("stream", "publish", "before"),
    ("stream", "publish", "after"),  # sent, and not yet marked as sent
    ("ledger", "sent", "after"),
    ("stream", "commit", "before"),
)


@pytest.mark.parametrize("point", POINTS, ids="-".join)
def test_killed_and_tried_again(running: Plant, point: tuple[str, str, str]) -> None:
    runs = recordings(12, running.rng, first=1000)
    running.publish(runs)
    running.send(b"rig/broken", b"{", [])
    running.flush()
    died = run_killed(running.world.settings, running.process, "run-1", *point)
    assert died == -signal.SIGKILL
    _try_again(running, "run-1")
    version = running.world.ledger.production(running.process).version

    answered = running.rows("SELECT sample_id, release, count(*) FROM dq.predictions WHERE process = %s GROUP BY 1, 2")
    assert sorted(answered) == [(run.sample_id, version, 1) for run in runs]
    summary = running.summary()
    assert summary["recordings"] == {"read": 13, "accepted": 12, "quarantined": {"unreadable": 1}}
    assert (summary["gaps"], summary["duplicates"], summary["outbox_pending"]) == (0, 0, 0)
    assert running.world.ledger.sample_count(running.process) == 12
    topic = running.world.process(running.process).stream.topic
    ends = {p: end for p, (_, end) in running.world.stream.watermarks(topic).items()}
    assert running.world.ledger.positions(running.process, topic) == ends
    sent = Counter((message["sample_id"], message["release"]) for message in running.messages("predictions"))
    assert len(sent) == 12
    assert max(sent.values()) == (2 if point == ("stream", "publish", "after") else 1), "again only with the same key"
    assert running.answer("run-2") is None


def _try_again(plant: Plant, holder: str) -> None:
    """As a scheduler would: the task that died and those after it, of the same run."""
    pulled = steps.pull(plant.world, plant.process, holder=holder)
    batch_id = pulled["batch_id"] if pulled else plant.world.ledger.batches(plant.process, 1)[0]["batch_id"]
    steps.assess(plant.world, plant.process, batch_id=batch_id, holder=holder)
    steps.act(plant.world, plant.process, batch_id=batch_id, holder=holder)
