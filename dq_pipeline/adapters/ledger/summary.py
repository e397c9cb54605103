"""Counts and lists for people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select, text

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.schema import batches, drift_alarms, outbox, predictions, processes, scores
from dq_pipeline.records import ACTING, BatchState

_QUANTILES = {"min": 0.0, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}

# A message without a readable id is a recording of its own. A message that was sent again no longer counts once its
# sample is there (or, without an id, at once: it comes back as a message of its own).
_RECORDINGS = text("""
    WITH wrong AS (
        SELECT q.id, q.sample_id, q.reason
        FROM dq.quarantine q
        WHERE q.process = :process AND q.reason <> 'duplicate'
          AND NOT (q.requeued_at IS NOT NULL AND (q.sample_id IS NULL OR EXISTS (
              SELECT FROM dq.scores s
              WHERE s.process = q.process AND s.sample_id = q.sample_id AND s.scope = coalesce(q.scope, s.scope))))
    ), rejected AS (
        SELECT DISTINCT ON (coalesce(sample_id, ''), CASE WHEN sample_id IS NULL THEN id END) sample_id, reason
        FROM wrong
        ORDER BY coalesce(sample_id, ''), CASE WHEN sample_id IS NULL THEN id END, id DESC
    ), accepted AS (
        SELECT sample_id FROM dq.scores WHERE process = :process
        UNION
        SELECT sample_id FROM dq.quarantine WHERE process = :process AND sample_id IS NOT NULL
        EXCEPT
        SELECT sample_id FROM wrong
    )
    SELECT reason, count(*) AS recordings FROM rejected GROUP BY reason
    UNION ALL
    SELECT NULL, count(*) FROM accepted
""")

_GAPS = text("""
    SELECT coalesce(sum(upper(hole) - lower(hole)), 0)
    FROM dq.cursors c
    CROSS JOIN LATERAL unnest(
        int8multirange(int8range(c.first, c.next)) - (
            coalesce((
                SELECT range_agg(int8range(r.start, r.stop)) FROM dq.ranges r
                WHERE r.process = c.process AND r.topic = c.topic AND r.partition = c.partition
            ), '{}'::int8multirange)
            - coalesce((
                SELECT range_agg(int8range(l.start, l.stop)) FROM dq.losses l
                WHERE l.process = c.process AND l.topic = c.topic AND l.partition = c.partition
            ), '{}'::int8multirange)
        )
    ) AS hole
    WHERE c.process = :process
""")

_DUPLICATES = text("""
    SELECT count(*) FROM (
        SELECT FROM dq.predictions WHERE process = :process AND role IN ('champion', 'canary')
        GROUP BY sample_id, release HAVING count(*) > 1
    ) AS twice
""")


class Summary(Database):
    """The part of the ledger that counts and lists for people."""

    def summary(self, process: str) -> dict[str, Any]:
        """Counts for people, all of one moment.

        Returns
        -------
        dict
            `recordings` (read, accepted, quarantined by reason; counted by sample id), `alarms` of the model,
            `drift_alarms`, `parked` batches, `gaps` (offsets between the first claimed and the cursor that no batch
            covers or that were lost), `duplicates` (samples answered twice by one release), `unified` (quantiles of
            completed samples' scores), `outbox_pending`.
        """
        with self._begin() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            return {
                "recordings": _recordings(connection, process),
                "alarms": _count(connection, predictions, process, predictions.c.alarm, predictions.c.role.in_(ACTING)),
                "drift_alarms": _count(connection, drift_alarms, process),
                "parked": _count(connection, batches, process, batches.c.state == BatchState.PARKED),
                "gaps": int(connection.execute(_GAPS, {"process": process}).scalar_one()),
                "duplicates": int(connection.execute(_DUPLICATES, {"process": process}).scalar_one()),
                "unified": _unified(connection, process),
                "outbox_pending": _count(connection, outbox, process, outbox.c.sent_at.is_(None)),
            }

    def processes(self) -> list[str]:
        """Names of all processes that the ledger knows."""
        with self._begin() as connection:
            return list(connection.scalars(select(processes.c.process).order_by(processes.c.process)))

    def batches(self, process: str, limit: int) -> list[dict[str, Any]]:
        """The newest batches, newest first, for a person to read."""
        columns = "batch_id sequence state attempts holder lease_until messages samples error counts committed_at"
        wanted = select(*(batches.c[name] for name in columns.split())).where(batches.c.process == process)
        with self._begin() as connection:
            found = connection.execute(wanted.order_by(batches.c.sequence.desc()).limit(limit))
            return [dict(row) for row in found.mappings()]

    def samples(self, process: str, limit: int) -> list[dict[str, Any]]:
        """The newest completed samples, newest first, for a person to read."""
        columns = "sample sample_id source start release unified accepted drift_statistic dimensions"
        wanted = select(*(scores.c[name] for name in columns.split()))
        wanted = wanted.where(scores.c.process == process, scores.c.sample.is_not(None))
        with self._begin() as connection:
            found = connection.execute(wanted.order_by(scores.c.sample.desc()).limit(limit))
            return [dict(row) for row in found.mappings()]


def _count(connection: Connection, table: Any, process: str, *conditions: Any) -> int:
    wanted = select(func.count()).select_from(table).where(table.c.process == process, *conditions)
    return connection.execute(wanted).scalar_one()


def _recordings(connection: Connection, process: str) -> dict[str, Any]:
    counts = {row.reason: row.recordings for row in connection.execute(_RECORDINGS, {"process": process})}
    accepted = counts.pop(None)
    quarantined = dict(sorted(counts.items()))
    return {"read": accepted + sum(quarantined.values()), "accepted": accepted, "quarantined": quarantined}


def _unified(connection: Connection, process: str) -> dict[str, float]:
    wanted = select(func.percentile_cont(list(_QUANTILES.values())).within_group(scores.c.unified))
    values = connection.scalar(wanted.where(scores.c.process == process, scores.c.scope == "completion"))
    return {} if values is None else dict(zip(_QUANTILES, values, strict=True))
