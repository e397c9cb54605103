"""The review queue: flagged samples wait for a person once, and what is said of them becomes the truth."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.errors import StateError
from dq_pipeline.records import Flag, FlagKind
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.training_data import training_data

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _streamed(plant: Plant, n: int = 20, **review: Any) -> list[Any]:
    """Recordings of the stream, answered and completed; nothing is settled by rule unless asked for."""
    plant.edit(feedback={"review": {"settle": False, **review}})
    runs = recordings(n, plant.rng, first=1000)
    plant.publish(runs)
    plant.answer()
    return runs


def _flag(plant: Plant, name: str, kind: str = "wide_interval", **options: Any) -> None:
    flag = Flag(
        name, FlagKind(kind), options.pop("release", "1"), options.pop("evidence", {}), **{"p": 0.001, **options}
    )
    assert plant.world.ledger.add_flags(plant.process, [flag], utc_now()) == 1


def _fill(plant: Plant) -> dict[str, Any]:
    return steps.fill_queue(plant.world, plant.process)


def _waiting(plant: Plant, **options: Any) -> dict[str, dict[str, Any]]:
    found = steps.reviews(plant.world, plant.process, **options)
    return {item["sample_id"]: item for item in found["items"]}


def _judge(plant: Plant, review: int, who: str = "anna", action: str = "accept", **options: Any) -> dict[str, Any]:
    return steps.judge(plant.world, plant.process, review, who=who, action=action, **options)


def test_flagged_samples_wait_once_and_reports_come_first(running: Plant) -> None:
    runs = _streamed(running)
    _fill(running)
    before = set(_waiting(running))
    odd, told = [run.sample_id for run in runs if run.sample_id not in before][:2]
    _flag(running, odd, p=1e-6)
    steps.report(running.world, running.process, told, why="valve was open", who="anna")
    assert _fill(running)["queued"] == 2
    assert _fill(running) == {"process": running.process, "queued": 0, "settled": 0, "refused": []}
    items = _waiting(running)
    assert set(items) == before | {odd, told}
    assert next(iter(items)) == told
    item = items[odd]
    assert (item["kinds"], item["state"], item["reasons"]["parts"]["surprise"]) == (["wide_interval"], "waiting", 6.0)
    assert item["target"] is not None
    assert item["target_origin"] == "completion"
    _flag(running, odd, "out_of_distribution", evidence={"statistic": 9.0, "usual": 3.0})
    assert _fill(running)["queued"] == 0, "it waits already"
    again = _waiting(running)[odd]
    assert (again["review"], len(again["kinds"])) == (item["review"], 2)
    assert again["priority"] >= item["priority"]


def _two(plant: Plant, runs: list[Any]) -> list[str]:
    """Samples that nothing is wrong with so far."""
    _fill(plant)
    known = {row[0] for row in plant.rows("SELECT DISTINCT sample_id FROM dq.flags WHERE process = %s")}
    return [run.sample_id for run in runs if run.sample_id not in known]


def test_what_a_reviewer_says_is_what_is_learned_from(running: Plant) -> None:
    runs = _streamed(running)
    world, process = running.world, running.process
    right, wrong, bad, *_ = _two(running, runs)
    for name in (right, wrong, bad):
        _flag(running, name)
    _fill(running)
    items = _waiting(running)
    before = training_data(world, world.process(process))
    accepted = _judge(running, items[right]["review"], token="a", confidence=0.9)
    assert (accepted["state"], accepted["outcome"], accepted["new"]) == ("settled", "accept", True)
    assert accepted["value"] == items[right]["target"]
    assert not _judge(running, items[right]["review"], token="a", confidence=0.9)["new"], "sent twice"
    corrected = _judge(running, items[wrong]["review"], action="correct", value=7.25)
    assert corrected["value"] == 7.25
    assert _judge(running, items[bad]["review"], action="skip")["state"] == "waiting"
    _judge(running, items[bad]["review"], action="reject", why="valve open")
    after = training_data(world, world.process(process))
    at = {name: i for i, name in enumerate(after.batch.ids)}
    assert after.target[at[wrong]] == 7.25
    assert after.target[at[right]] == items[right]["target"]
    assert before.learnable[at[bad]]
    assert not after.learnable[at[bad]]
    shown = steps.review(world, process, items[wrong]["review"])
    (said,) = shown["opinions"]
    assert (said["who"], said["before"], said["after"]) == ("anna", items[wrong]["target"], 7.25)
    assert (shown["target"], shown["target_origin"]) == (7.25, "review")
    assert world.ledger.reviews_of(process, [bad])[bad][-1].outcome == "reject"
    assert _fill(running)["queued"] == 0, "its own flag does not bring it back"
    # once settled only a report, a conflict or another kind opens it again, and a person may take a rejection back
    _flag(running, right, release="x")
    assert _fill(running)["queued"] == 0
    steps.report(world, process, bad, why="the valve was shut", who="bert")
    assert _fill(running)["queued"] == 1
    assert _waiting(running)[bad]["kinds"] == ["reported"]
    _judge(running, _waiting(running)[bad]["review"], who="bert")
    assert training_data(world, world.process(process)).learnable[at[bad]]
    steps.report(world, process, bad, why="no, open", who="anna", reject=True)
    assert not training_data(world, world.process(process)).learnable[at[bad]]


def test_a_review_shows_all_that_a_person_judges_by_of_stream_and_history(running: Plant) -> None:
    runs = _streamed(running)
    name = _two(running, runs)[0]
    _flag(running, name, "out_of_distribution", evidence={"statistic": 9.0, "usual": 3.0})
    steps.report(running.world, running.process, "r000007", why="odd", who="anna")
    assert _fill(running)["refused"] == []
    items = _waiting(running)
    shown = steps.review(running.world, running.process, items[name]["review"])
    run = next(run for run in runs if run.sample_id == name)
    np.testing.assert_allclose(shown["curves"]["inlet"], run.values[:, 1])
    assert len(shown["t_s"]) == 30
    assert set(shown["band"]) == {"flow", "inlet", "outlet"}
    assert [flag["kind"] for flag in shown["flags"]] == ["out_of_distribution"]
    assert (shown["horizon_rows"], shown["threshold"], shown["source"]) == (20, 0.25, "rig")
    past = steps.review(running.world, running.process, items["r000007"]["review"])
    assert (past["source"], past["prediction"], len(past["curves"]["flow"])) == (running.process, None, 30)
    with pytest.raises(StateError, match="found no 999"):
        steps.review(running.world, running.process, 999)
    for wrong in ({"state": "x"}, {"limit": 0}, {"offset": -1}):
        with pytest.raises(StateError, match="expected"):
            steps.reviews(running.world, running.process, **wrong)


def test_what_is_unknown_or_there_already_is_refused_once(running: Plant) -> None:
    runs = _streamed(running)
    _fill(running)
    world, process = running.world, running.process
    (twin,) = recordings(1, running.rng, first=3000)
    copied = dataclasses.replace(twin, sample_id="r003999")
    running.publish([twin, copied])
    running.answer()
    late = recordings(1, running.rng, first=4000)
    running.publish(late, scopes=("horizon",))
    running.answer()
    world.ledger.add_flags(process, [Flag("nobody", FlagKind.WIDE_INTERVAL, "")], utc_now())
    for name in (twin.sample_id, "r003999", late[0].sample_id):
        _flag(running, name, "unusual_prediction", release="x")
    first = _fill(running)
    reasons = {one["sample_id"]: one["reason"] for one in first["refused"]}
    assert set(reasons) == {"nobody", "r003999"}
    assert "neither the stream nor the history" in reasons["nobody"]
    assert "duplicate: its recording is that of r003000" in reasons["r003999"]
    assert _fill(running) == {"process": process, "queued": 0, "settled": 0, "refused": []}, "not asked again"
    assert late[0].sample_id not in _waiting(running), "its recording has yet to come"
    running.publish(late, scopes=("completion",))
    running.answer()
    assert _fill(running)["queued"] >= 1
    assert late[0].sample_id in _waiting(running)
    assert len(steps.reviews(world, process, state="refused")["items"]) == 2
    running.edit(sample={"rows": 31})
    _flag(running, runs[3].sample_id, "doubtful_score", release="y")
    (other,) = _fill(running)["refused"]
    assert "another form" in other["reason"]


def test_dying_in_between_or_two_at_once_lose_and_repeat_nothing(
    running: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = _streamed(running, settle=True, accept_within=1.0, seen_share=0.0)
    names = [run.sample_id for run in runs]
    for name in names:
        _flag(running, name, release="x")
    ledger = running.world.ledger

    def die(*_: Any) -> None:
        raise RuntimeError("killed")

    for point in ("judge", "change_fact"):
        with monkeypatch.context() as patched:
            patched.setattr(PostgresLedger, point, die)
            with pytest.raises(RuntimeError, match="killed"):
                _fill(running)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: _fill(running), range(3)))
    counts = ledger.review_counts(running.process)
    assert counts["waiting"] + counts["settled"] == len(names)
    assert counts["settled"] > len(names) / 2
    assert sorted(row.sample_id for row in ledger.reviews(running.process, state="settled"))
    said = running.rows("SELECT review, count(*) FROM dq.opinions WHERE process = %s GROUP BY review")
    assert {count for _, count in said} == {1}
    settled = steps.reviews(running.world, running.process, state="settled")["items"][0]
    assert settled["automatic"]
    (opinion,) = steps.review(running.world, running.process, settled["review"])["opinions"]
    assert (opinion["who"], opinion["automatic"]) == ("rule:accept_within", True)
    assert running.world.ledger.truths(running.process, [settled["sample_id"]])[settled["sample_id"]].origin == "review"


def test_a_share_of_what_rules_would_settle_is_seen_by_a_person_who_is_not_told(running: Plant) -> None:
    runs = _streamed(running, settle=True, accept_within=1.0, seen_share=1.0)
    for run in runs:
        _flag(running, run.sample_id, release="x")
    assert _fill(running)["settled"] == 0
    items = _waiting(running)
    ruled = [
        item
        for item in items.values()
        if "rule" in running.world.ledger.review(running.process, item["review"]).reasons
    ]
    assert len(ruled) > len(runs) / 2
    assert not any("rule" in item["reasons"] for item in items.values())
    _judge(running, ruled[0]["review"], action="correct", value=9.0)
    settled = steps.reviews(running.world, running.process, state="settled")
    assert settled["items"][0]["reasons"]["rule"]["action"] == "accept"
    assert settled["rules"] == {"accept_within": {"settled": 0, "seen": 1, "agreed": 0}}


def test_a_label_that_comes_late_lets_a_rule_settle_what_waits(running: Plant) -> None:
    runs = [dataclasses.replace(run, target=None) for run in recordings(12, running.rng, first=1000)]
    running.edit(feedback={"review": {"accept_within": 1.0, "seen_share": 0.0}})
    running.publish(runs)
    running.answer()
    _fill(running)
    name = _two(running, runs)[0]
    _flag(running, name)
    assert _fill(running)["queued"] == 1
    review = _waiting(running)[name]["review"]
    with pytest.raises(StateError, match="a label to accept expected, found none"):
        _judge(running, review)
    value = running.world.ledger.answers(running.process, [name])[name].value
    steps.add_labels(running.world, running.process, [{"sample_id": name, "value": value}])
    assert _fill(running)["settled"] == 1
    assert running.world.ledger.review(running.process, review).outcome == "accept"


def test_two_who_disagree_send_it_back_and_a_third_decides(running: Plant) -> None:
    runs = _streamed(running, second_opinion=1.0)
    name, other, *_ = _two(running, runs)
    for one in (name, other):
        _flag(running, one)
    _fill(running)
    review = _waiting(running)[name]["review"]
    assert "second reviewer" in _judge(running, review, "anna")["why"]
    assert name not in _waiting(running, who="anna")
    assert name in _waiting(running, who="bert")
    with pytest.raises(StateError, match="another reviewer than anna"):
        _judge(running, review, "anna", "correct", value=50.0)
    apart = _judge(running, review, "bert", "correct", value=50.0)
    assert (apart["state"], "disagree" in apart["why"]) == ("waiting", True)
    decided = _judge(running, review, "cleo", "correct", value=50.0)
    assert (decided["outcome"], decided["value"]) == ("correct", 50.0)
    truth = running.world.ledger.truths(running.process, [name])[name]
    assert (truth.origin, truth.annotator) == ("review", "bert, cleo")
    lost = _waiting(running)[other]["review"]
    for who, value in (("anna", 10.0), ("bert", 50.0), ("cleo", 90.0)):
        ended = _judge(running, lost, who, "correct", value=value)
    assert (ended["state"], ended["outcome"]) == ("settled", "reject")
    assert running.world.ledger.rejected(running.process, [name, other]) == {other}


def test_what_makes_no_sense_is_refused_and_changes_nothing(running: Plant) -> None:
    runs = _streamed(running)
    name = _two(running, runs)[0]
    _flag(running, name)
    _fill(running)
    item = _waiting(running)[name]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"action": "burn"}, "one of accept, correct, reject, skip expected, found 'burn'"),
        ({"who": "  "}, "a name of 1 to 200 characters"),
        ({"who": "rule:mine"}, "no rule's"),
        ({"who": "a\x00b"}, "a name of"),
        ({"action": "correct"}, "the right label expected"),
        ({"action": "correct", "value": float("nan")}, "a finite number expected"),
        ({"action": "correct", "value": 1e16}, "yield_rate from"),
        ({"action": "correct", "value": True}, "a finite number expected"),
        ({"action": "reject"}, "a reason for rejecting expected"),
        ({"action": "reject", "why": "x", "value": 1.0}, "none expected with reject"),
        ({"action": "skip", "why": "x" * 2001}, "at most 2000 characters"),
        ({"confidence": 1.5}, "a number from 0 to 1"),
        ({"confidence": float("nan")}, "a number from 0 to 1"),
        ({"token": "x" * 201}, "at most 200"),
        ({"value": item["target"] + 1.0}, "when it was looked at"),
    ]
    for options, said in wrong:
        with pytest.raises(StateError, match=said):
            _judge(running, item["review"], **options)
    assert running.rows("SELECT count(*) FROM dq.opinions WHERE process = %s") == [(0,)]
    assert _judge(running, item["review"], value=item["target"])["outcome"] == "accept"
    with pytest.raises(StateError, match=r"was settled \(accept\) by anna"):
        _judge(running, item["review"], "bert")
    with pytest.raises(StateError, match="found no 999"):
        _judge(running, 999)
