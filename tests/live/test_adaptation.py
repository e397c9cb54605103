"""A drift is learned by Airflow alone; a person takes it back, and it stays taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from dq_pipeline.errors import ServerError
from dq_pipeline.recording import Recording

from .platform import Line, Platform, until

pytestmark = pytest.mark.live
DRIFT = 4.0


@dataclass(frozen=True)
class Adapted:
    """What a stream did whose drift was learned."""

    line: Line
    first: str
    second: str
    known: list[Recording]
    answers: dict[str, list[tuple[Any, ...]]]
    after: list[Recording]


@pytest.fixture(scope="module")
def adapted(platform: Platform, drifting: Line) -> Adapted:
    """A hundred ordinary recordings, a hundred and fifty after a drift, and some more once it was learned.

    Learning it takes one new release or more: the stream goes on beside it.
    """
    first = platform.world.ledger.production(drifting.process).version
    known = drifting.fresh(100)
    drifting.feed(known, ["completion"])
    answers = drifting.predictions(known)
    assert len(platform.world.ledger.releases(drifting.process)) == 1, "no drift yet"
    drifting.feed(drifting.fresh(150, DRIFT), ["completion"])

    drifting.calm(lambda: drifting.fresh(12, DRIFT))
    learned_version = platform.world.ledger.production(drifting.process).version
    assert learned_version != first, "it was learned"
    run = until(lambda: drifting.adaptations_with("promote"), "the run that promoted it")[0]
    assert platform.airflow.ended(f"{drifting.process}_adaptation", run) == "success"
    after = drifting.fresh(30, DRIFT)
    drifting.feed(after, ["completion"])
    return Adapted(drifting, first, learned_version, known, answers, after)


def test_a_drift_is_learned_and_the_stream_after_it_predicted(platform: Platform, adapted: Adapted) -> None:
    line, ledger = adapted.line, platform.world.ledger
    (event,) = (event for event in ledger.events(line.process) if event.sample < 250)
    assert 100 <= event.sample < 130, "found after it began"
    assert ("promote", adapted.second) in {(change.action, change.version) for change in ledger.changes(line.process)}
    assert {rows[0][0] for rows in line.predictions(adapted.after).values()} == {adapted.second}
    stale = line.figures(first_sample=100, release=adapted.first)["mae"]
    assert line.figures(first_sample=250, release=adapted.second)["mae"] < 0.3 * stale
    summary = line.summary()
    assert (summary["gaps"], summary["duplicates"]) == (0, 0)


def test_a_rollback_restores_a_release_whole_and_starts_no_loop(platform: Platform, adapted: Adapted) -> None:
    line, ledger, airflow = adapted.line, platform.world.ledger, platform.airflow
    dag, run, reason = f"{line.process}_rollback", "back", "worse on the night shift"
    airflow.trigger(dag, run, {"version": adapted.first, "reason": reason})
    until(lambda: airflow.waits_for_a_person(dag, run, "approve"), "the question")
    with pytest.raises(ServerError, match="403"):
        platform.viewer.answer(dag, run, "approve", "Approve")
    assert ledger.production(line.process).version == adapted.second
    assert airflow.approved(dag, run, "approve") == "success"
    change = ledger.changes(line.process)[-1]
    assert (change.action, change.version, change.previous) == ("rollback", adapted.first, adapted.second)
    assert (change.who, change.why) == ("admin", reason)
    stages = {row.version: row.stage for row in ledger.releases(line.process)}
    assert stages == dict.fromkeys(stages, "Archived") | {adapted.first: "Production"}
    assert {found.version: found.stage for found in platform.world.registry.versions(line.process)} == stages
    assert platform.world.registry.get(line.process, "production").version == adapted.first

    next_run = line.waiting_run()
    line.feed(line.fresh(60, DRIFT), ["completion"])
    assert airflow.ended(line.dag, next_run) == "success"
    assert ledger.hold(line.process) is not None, ledger.changes(line.process)[-1]
    assert "on hold" in airflow.result(line.dag, next_run, "decide")["why"]
    assert ledger.production(line.process).version == adapted.first
    assert {row.version for row in ledger.releases(line.process)} == set(stages)

    again = [
        replace(run, sample_id=new.sample_id, start=new.start)
        for run, new in zip(adapted.known[:25], line.fresh(25), strict=True)
    ]
    line.feed(again, ["completion"])
    answers = line.predictions(again)
    for before, after in zip(adapted.known[:25], again, strict=True):
        assert answers[after.sample_id] == adapted.answers[before.sample_id], "bit for bit"
