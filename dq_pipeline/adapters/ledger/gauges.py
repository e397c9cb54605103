"""What monitoring asks of the ledger, for all processes at once: a dozen queries, each bounded by an index."""

# ruff: noqa: S608 - parts of queries are put together here, values are parameters

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.records import METRICS, RECENT_BATCHES, RECENT_SAMPLES, Reading

log = logging.getLogger(__name__)

_TIMEOUT_MS = 5000
_RESULTS = 100  # of each contract, the newest: one for each of its slices, at least

_SAMPLES = """
    FROM unnest(:names) AS n(process) CROSS JOIN LATERAL (
        SELECT sample, unified, accepted, arrived_at, drift_statistic FROM dq.scores
        WHERE process = n.process AND sample IS NOT NULL ORDER BY sample DESC LIMIT :samples
    ) AS s
"""
_BATCHES = """
    FROM unnest(:names) AS n(process) CROSS JOIN LATERAL (
        SELECT * FROM dq.batches WHERE process = n.process ORDER BY sequence DESC LIMIT :batches
    ) AS b
"""

# Columns named as a metric are its values, the others its labels.
_QUERIES: Mapping[str, str] = MappingProxyType(
    {
        "processes": """
            SELECT p.process, p.samples AS dq_samples_total, p.failures AS dq_failures,
                (SELECT coalesce(sum(c.next - c.first), 0) FROM dq.cursors c WHERE c.process = p.process)
                    AS dq_messages_claimed_total,
                (SELECT coalesce(sum(l.stop - l.start), 0) FROM dq.losses l WHERE l.process = p.process)
                    AS dq_messages_lost_total,
                (SELECT count(*) FROM dq.holds h WHERE h.process = p.process) AS dq_adaptation_on_hold,
                (SELECT count(*) FROM dq.outbox o WHERE o.process = p.process AND o.sent_at IS NULL)
                    AS dq_outbox_pending,
                (SELECT count(*) FROM dq.predictions a
                 WHERE a.process = p.process AND a.alarm AND a.role IN ('champion', 'canary')) AS dq_alarms_total,
                (SELECT count(*) FROM dq.drift_alarms d WHERE d.process = p.process) AS dq_drift_alarms_total,
                (SELECT count(*) FROM dq.notices t WHERE t.process = p.process AND t.due_at IS NOT NULL)
                    AS dq_notices_waiting
            FROM dq.processes p WHERE p.process = ANY(:names)
        """,
        "open batches": """
            SELECT p.process,
                coalesce(extract(epoch FROM :now - min(b.claimed_at) FILTER (WHERE b.state <> 'parked')), 0)
                    AS dq_claim_age_seconds,
                count(DISTINCT b.batch_id) FILTER (WHERE b.state = 'parked') AS dq_parked_batches,
                count(r.start) FILTER (WHERE b.state = 'parked') AS dq_parked_ranges,
                coalesce(sum(r.stop - r.start) FILTER (WHERE b.state = 'parked'), 0) AS dq_parked_messages
            FROM dq.processes p
            LEFT JOIN dq.batches b ON b.process = p.process AND b.committed_at IS NULL
            LEFT JOIN dq.ranges r ON r.process = b.process AND r.batch_id = b.batch_id
            WHERE p.process = ANY(:names) GROUP BY p.process
        """,
        "batches": f"""
            SELECT process, extract(epoch FROM :now - max(committed_at)) AS dq_batch_age_seconds,
                (array_agg((counts->>'drift_threshold')::float ORDER BY sequence DESC)
                 FILTER (WHERE jsonb_typeof(counts->'drift_threshold') = 'number'))[1] AS dq_drift_threshold
            FROM (SELECT b.* {_BATCHES}) AS newest GROUP BY process
        """,
        "steps": f"""
            SELECT b.process, step, unnest(ARRAY['0.5', '0.95']) AS quantile,
                unnest(percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds)) AS dq_step_seconds
            {_BATCHES} CROSS JOIN LATERAL (VALUES
                ('pull', extract(epoch FROM b.landed_at - b.claimed_at)),
                ('assess', extract(epoch FROM b.assessed_at - b.landed_at)),
                ('act', extract(epoch FROM b.committed_at - b.assessed_at))
            ) AS took(step, seconds) WHERE seconds IS NOT NULL GROUP BY b.process, step
        """,
        "scores": f"""
            SELECT n.process, unnest(ARRAY['0.05', '0.25', '0.5', '0.75', '0.95']) AS quantile,
                unnest(percentile_cont(ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]) WITHIN GROUP (ORDER BY unified)) AS dq_score
            {_SAMPLES} WHERE unified IS NOT NULL GROUP BY n.process
        """,
        "samples": f"""
            SELECT n.process, avg((NOT accepted)::int) AS dq_rejected_share,
                extract(epoch FROM :now - max(arrived_at)) AS dq_last_sample_age_seconds,
                (array_agg(drift_statistic ORDER BY sample DESC) FILTER (WHERE drift_statistic IS NOT NULL))[1]
                    AS dq_drift_statistic
            {_SAMPLES} GROUP BY n.process
        """,
        "quarantine": """
            SELECT process, reason, count(*) AS dq_quarantined_total,
                count(*) FILTER (WHERE requeued_at IS NULL) AS dq_dead_letters
            FROM dq.quarantine WHERE process = ANY(:names) GROUP BY process, reason
        """,
        "drift events": """
            SELECT process, state, count(*) AS dq_drift_events
            FROM dq.drift_events WHERE process = ANY(:names) GROUP BY process, state
        """,
        "releases": """
            SELECT process, kind, count(*) AS dq_releases_total
            FROM dq.releases WHERE process = ANY(:names) GROUP BY process, kind
        """,
        "production": """
            SELECT process, version, kind, settings_hash, 1 AS dq_release_info,
                extract(epoch FROM :now - coalesce(promoted_at, created_at)) AS dq_release_age_seconds
            FROM dq.releases WHERE process = ANY(:names) AND stage = 'Production'
        """,
        "changes": """
            SELECT process, action, count(*) AS dq_changes_total
            FROM dq.changes WHERE process = ANY(:names) GROUP BY process, action
        """,
        "incidents": """
            SELECT process, cause, coalesce(severity, 'warning') AS severity, count(*) AS dq_incidents_open
            FROM dq.incidents WHERE process = ANY(:names) AND ending IS NULL AND cause IS NOT NULL
            GROUP BY process, cause, coalesce(severity, 'warning')
        """,
        "alerts": """
            SELECT process, kind, severity, count(*) AS dq_alerts_standing
            FROM dq.alerts WHERE process = ANY(:names) AND cleared_at IS NULL GROUP BY process, kind, severity
        """,
        "contracts": """
            WITH newest AS (
                SELECT DISTINCT ON (process, name) process, name, version, state
                FROM dq.contracts WHERE process = ANY(:names) ORDER BY process, name, version DESC
            )
            SELECT DISTINCT ON (n.process, n.name, r.slice) n.process, n.name AS contract, r.slice, r.verdict,
                1 AS dq_contract_state, r.value AS dq_contract_value
            FROM newest n CROSS JOIN LATERAL (
                SELECT id, slice, verdict, value FROM dq.contract_results
                WHERE process = n.process AND contract = n.name AND version = n.version
                ORDER BY id DESC LIMIT :results
            ) AS r
            WHERE n.state = 'in_force' ORDER BY n.process, n.name, r.slice, r.id DESC
        """,
        "reviews": """
            SELECT p.process, count(r.id) AS dq_reviews_waiting,
                coalesce(extract(epoch FROM :now - min(r.opened_at)), 0) AS dq_reviews_oldest_age_seconds
            FROM dq.processes p LEFT JOIN dq.reviews r ON r.process = p.process AND r.state = 'waiting'
            WHERE p.process = ANY(:names) GROUP BY p.process
        """,
    }
)


class Gauges(Database):
    """The part of the ledger that monitoring reads."""

    def gauges(self, names: Sequence[str], now: datetime) -> tuple[list[Reading], int]:
        """What monitoring shows of these processes, all of one moment, and how many queries failed.

        A query that fails is logged, and takes none of the others with it. Ages are never negative.

        Raises
        ------
        LedgerError
            No database answers.
        """
        found: list[Reading] = []
        failed = 0
        if not names:
            return found, failed
        given = {
            "names": list(names),
            "now": now,
            "samples": RECENT_SAMPLES,
            "batches": RECENT_BATCHES,
            "results": _RESULTS,
        }
        with self._begin() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            connection.execute(text(f"SET LOCAL statement_timeout = {_TIMEOUT_MS}"))
            for part, query in _QUERIES.items():
                try:
                    with connection.begin_nested():
                        found += _readings(connection, query, given)
                except SQLAlchemyError:
                    log.exception("Metrics: what the ledger has on %s could not be read", part)
                    failed += 1
        return found, failed

    def all_positions(self, names: Sequence[str]) -> dict[str, dict[str, dict[int, int]]]:
        """Per process and topic, and partition, the offset that the next claim starts at."""
        found: dict[str, dict[str, dict[int, int]]] = {}
        wanted = text("SELECT process, topic, partition, next FROM dq.cursors WHERE process = ANY(:names)")
        with self._begin() as connection:
            for row in connection.execute(wanted, {"names": list(names)}):
                found.setdefault(row.process, {}).setdefault(row.topic, {})[row.partition] = row.next
        return found


def _readings(connection: Connection, query: str, given: Mapping[str, Any]) -> list[Reading]:
    wanted = text(query)
    used = {name: value for name, value in given.items() if f":{name}" in query}
    return [one for row in connection.execute(wanted, used).mappings() for one in _of(row)]


def _of(row: Mapping[Any, Any]) -> Iterator[Reading]:
    for name, value in row.items():
        if name in METRICS and value is not None:
            number = float(value)
            if name.endswith("_age_seconds"):
                number = max(number, 0.0)  # clocks of machines differ
            yield Reading(name, number, {label: str(row[label]) for label in METRICS[name].labels})
