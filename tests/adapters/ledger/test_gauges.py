"""What monitoring reads of the ledger: right, bounded, and whole where a part of it is broken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from dq_pipeline.adapters.ledger import PostgresLedger, gauges
from dq_pipeline.records import METRICS, Alert, Flag, FlagKind, Quarantined, Reading

from .conftest import NOW, PUMP, Line  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

PROCESSES, BATCHES, SAMPLES = 10, 200, 2000


def values(found: list[Reading], name: str) -> dict[tuple[str, ...], float]:
    labels = METRICS[name].labels[1:]
    return {tuple(one.labels[label] for label in labels): one.value for one in found if one.name == name}


def test_what_happened_is_what_is_shown(line: Line, score: Any, prediction: Any, alarm: Any, release: Any) -> None:
    ledger = line.ledger
    ledger.add_release(release("1"))
    ledger.move_release(PUMP, "1", "stage", who="dq", why="passed", now=NOW)
    ledger.move_release(PUMP, "1", "promote", who="dq", why="passed", now=NOW)
    scores = [
        score(f"s{i}", unified=i / 10, accepted=i > 1, drift_statistic=float(i), arrived_at=NOW) for i in range(10)
    ]
    wrong = Quarantined(0, 0, "empty", "no rows", "odd", "completion")
    line.commit(
        scores=scores,
        predictions=[prediction("s0", alarm=True), prediction("s1", role="shadow", alarm=True)],
        quarantined=[wrong],
        alarms=[alarm(3.0)],
        counts={"drift_threshold": 5.5},
        flags=[Flag("s0", FlagKind.LOW_SCORE, "1", {})],
    )
    line.later(60)
    line.assessed()
    ledger.raise_alert(PUMP, Alert("watch", "silence", "critical", "nothing arrives"), NOW)
    line.later(30)
    found, failed = ledger.gauges([PUMP, "unknown"], line.now)
    assert failed == 0
    assert {one.labels["process"] for one in found} == {PUMP}
    one = {name: shown[()] for name in METRICS if list(shown := values(found, name)) == [()]}
    assert one["dq_samples_total"] == 10
    assert one["dq_messages_claimed_total"] == 2
    assert (one["dq_batch_age_seconds"], one["dq_claim_age_seconds"]) == (90, 30)
    assert one["dq_last_sample_age_seconds"] == 90
    assert one["dq_rejected_share"] == 0.2
    assert (one["dq_drift_statistic"], one["dq_drift_threshold"]) == (9, 5.5)
    assert one["dq_alarms_total"] == 1, "a shadow raises none"
    assert one["dq_drift_alarms_total"] == 1
    assert one["dq_release_age_seconds"] == 90
    assert values(found, "dq_score")["0.5",] == pytest.approx(0.45)
    assert values(found, "dq_quarantined_total") == values(found, "dq_dead_letters") == {("empty",): 1}
    assert values(found, "dq_release_info") == {("1", "initial", "abc"): 1}
    assert values(found, "dq_alerts_standing") == {("watch", "critical"): 1}
    assert values(found, "dq_drift_events") == {("open",): 1}
    assert set(values(found, "dq_step_seconds")) == {(s, q) for s in ("pull", "assess", "act") for q in ("0.5", "0.95")}


def test_parked_batches_are_shown_and_an_age_is_never_negative(line: Line) -> None:
    line.arrive(7)
    for _ in range(4):
        line.claim(max_attempts=3)
        line.later(100)
    found, _ = line.ledger.gauges([PUMP], NOW - timedelta(days=1))
    names = ("dq_parked_batches", "dq_parked_ranges", "dq_parked_messages", "dq_claim_age_seconds")
    assert [values(found, name)[()] for name in names] == [1, 1, 7, 0]


def test_a_broken_part_hides_no_other(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.commit()
    queries = dict(gauges._QUERIES) | {"contracts": "SELECT process, nothing FROM dq.nowhere"}
    monkeypatch.setattr(gauges, "_QUERIES", queries)
    found, failed = line.ledger.gauges([PUMP], line.now)
    assert failed == 1
    assert values(found, "dq_messages_claimed_total") == {(): 1}
    assert values(found, "dq_reviews_waiting") == {(): 0}, "asked after the broken one"
    assert line.ledger.gauges([], line.now) == ([], 0)


def test_every_query_names_metrics_of_the_list_and_all_their_labels() -> None:
    asked = {name for name in METRICS if any(name in query for query in gauges._QUERIES.values())}
    elsewhere = {"source_up", "scrape_failures", "scrape_seconds", "process_file_valid", "messages_unread"}
    assert set(METRICS) - asked == {f"dq_{name}" for name in elsewhere}


def test_many_processes_are_read_at_once(ledger: PostgresLedger) -> None:
    """How long it takes with many more is a figure of the benchmark `overview`."""
    with ledger._begin() as connection:
        for statement in BUSY:
            connection.execute(
                text(statement), {"processes": PROCESSES, "batches": BATCHES, "samples": SAMPLES, "now": NOW}
            )
    found, failed = ledger.gauges([f"p{i}" for i in range(1, PROCESSES + 1)], NOW)
    assert failed == 0
    for name in ("p1", "p7", f"p{PROCESSES}"):
        own = [one for one in found if one.labels["process"] == name]
        assert values(own, "dq_alarms_total")[()] == SAMPLES / 100


BUSY = (
    "INSERT INTO dq.processes SELECT 'p' || p, :batches, :samples, 0, NULL, NULL FROM generate_series(1, :processes) p",
    """INSERT INTO dq.batches (process, batch_id, sequence, topic, state, fence, attempts, untried, holder, lease_until,
           counts, samples, claimed_at, landed_at, assessed_at, committed_at)
       SELECT 'p' || p, 'b' || b, b, 't', 'committed', 1, 1, false, 'h', :now, '{"messages": 10, "drift_threshold": 5}',
           10, :now, :now, :now, :now
       FROM generate_series(1, :processes) p, generate_series(1, :batches) b""",
    """INSERT INTO dq.ranges SELECT 'p' || p, 'b' || b, 0, 't', b * 10, b * 10 + 10
       FROM generate_series(1, :processes) p, generate_series(1, :batches) b""",
    """INSERT INTO dq.scores (process, sample_id, scope, batch_id, sample, source, start, release, dimensions, unified,
           accepted, drift_statistic, metadata, arrived_at)
       SELECT 'p' || p, 's' || s, 'completion', 'b', s, 'x', :now, '1', '{}', 0.5, true, 1, '{}', :now
       FROM generate_series(1, :processes) p, generate_series(0, :samples - 1) s""",
    """INSERT INTO dq.predictions (process, sample_id, release, role, batch_id, value, alarm, at)
       SELECT 'p' || p, 's' || s, '1', 'champion', 'b', 1, s % 100 = 0, :now
       FROM generate_series(1, :processes) p, generate_series(0, :samples - 1) s""",
    """INSERT INTO dq.contracts SELECT 'p' || p, 'c' || c, 1, 'in_force', '{}', 'x', :now
       FROM generate_series(1, :processes) p, generate_series(1, 5) c""",
    """INSERT INTO dq.contract_results (process, contract, version, slice, release, first, stop, samples, verdict,
           detail, at)
       SELECT 'p' || p, 'c' || c, 1, '', '1', 0, b, 10, 'hold', '{}', :now
       FROM generate_series(1, :processes) p, generate_series(1, 5) c, generate_series(1, :batches) b""",
)
