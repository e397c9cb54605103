"""What pages are made of: all processes at a glance, micro-batches with what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, func, select, text, true

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.schema import batches, configurations, predictions, quarantine, ranges, scores
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.errors import StateError
from dq_pipeline.records import ACTING, Glance

# One statement for all processes: what is counted is found by an index, what is newest by walking one backwards.
_GLANCES = text("""
    SELECT asked.process, coalesce(p.samples, 0) AS samples, coalesce(p.failures, 0) AS failures,
        r.version AS release, r.created_at AS released_at, r.promoted_at, r.settings_hash,
        CAST(r.metrics ->> 'line/threshold' AS float8) AS threshold,
        CAST(r.metrics ->> 'line/drift_threshold' AS float8) AS drift_threshold,
        h.why AS hold, e.id AS event, e.state AS event_state,
        (SELECT count(*) FROM dq.reviews v WHERE v.process = asked.process AND v.state = 'waiting') AS waiting,
        i.open AS incidents, i.critical, a.breaches, coalesce(a.kinds, '{}') AS alerts,
        (SELECT count(*) FROM dq.batches b
         WHERE b.process = asked.process AND b.committed_at IS NULL AND b.state = 'parked') AS parked,
        coalesce(n.arrived_at, (
            SELECT b.committed_at FROM dq.batches b
            WHERE b.process = asked.process AND b.committed_at IS NOT NULL ORDER BY b.sequence DESC LIMIT 1
        )) AS newest_at,
        coalesce(n.scores, '{}') AS scores, coalesce(n.statistics, '{}') AS statistics,
        coalesce(n.accepted, '{}') AS accepted
    FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS asked(process, place)
    LEFT JOIN dq.processes p ON p.process = asked.process
    LEFT JOIN dq.releases r ON r.process = asked.process AND r.stage = 'Production'
    LEFT JOIN dq.holds h ON h.process = asked.process
    LEFT JOIN dq.drift_events e ON e.process = asked.process AND e.state IN ('open', 'rebuilding')
    CROSS JOIN LATERAL (
        SELECT count(*) AS open, count(*) FILTER (WHERE o.severity = 'critical') AS critical
        FROM dq.incidents o WHERE o.process = asked.process AND o.ending IS NULL AND o.cause IS NOT NULL
    ) i
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE t.kind = 'contract') AS breaches,
            array_agg(DISTINCT t.kind ORDER BY t.kind)
                FILTER (WHERE t.kind <> 'contract' AND t.incident IS NULL) AS kinds
        FROM dq.alerts t WHERE t.process = asked.process AND t.cleared_at IS NULL
    ) a
    CROSS JOIN LATERAL (
        SELECT max(s.arrived_at) AS arrived_at, array_agg(s.unified ORDER BY s.sample) AS scores,
            array_agg(s.drift_statistic ORDER BY s.sample) AS statistics,
            array_agg(s.accepted ORDER BY s.sample) AS accepted
        FROM (
            SELECT sample, unified, drift_statistic, accepted, arrived_at FROM dq.scores
            WHERE process = asked.process AND sample IS NOT NULL ORDER BY sample DESC LIMIT :newest
        ) s
    ) n
    ORDER BY asked.place
""")
_LISTS = ("alerts", "scores", "statistics", "accepted")


class Overview(Database):
    """The part of the ledger that is asked by who only looks."""

    def glances(self, processes: Sequence[str], *, newest: int) -> Sequence[Glance]:
        """Each of these processes at a glance, in their order, with its `newest` samples; one statement for all."""
        with self._begin() as connection:
            found = connection.execute(_GLANCES, {"names": list(processes), "newest": newest}).mappings().all()
        return [Glance(**{**row, **{name: tuple(row[name]) for name in _LISTS}}) for row in found]

    def batch_list(self, process: str, *, before: int | None = None, limit: int = 50) -> Sequence[Mapping[str, Any]]:
        """Micro-batches of a sequence below `before`, newest first, with how many messages each has in quarantine."""
        of_batch = and_(quarantine.c.process == batches.c.process, quarantine.c.batch_id == batches.c.batch_id)
        refused = select(func.count()).select_from(quarantine).where(of_batch).correlate(batches).scalar_subquery()
        named = "batch_id sequence state attempts messages samples first_sample error counts claimed_at committed_at"
        wanted = select(*(batches.c[name] for name in named.split()), refused.label("quarantined"))
        wanted = wanted.where(batches.c.process == process)
        if before is not None:
            wanted = wanted.where(batches.c.sequence < before)
        with self._begin() as connection:
            rows = connection.execute(wanted.order_by(batches.c.sequence.desc()).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def batch(self, process: str, batch_id: str) -> Mapping[str, Any] | None:
        """One micro-batch: its row, the `ranges` it read, its `samples` with answers and truths, its `quarantine`."""
        own = (batches.c.process == process, batches.c.batch_id == batch_id)
        spans = select(ranges).where(ranges.c.process == process, ranges.c.batch_id == batch_id)
        refused = select(quarantine).where(quarantine.c.process == process, quarantine.c.batch_id == batch_id)
        with self._begin() as connection:
            row = connection.execute(select(batches).where(*own)).mappings().one_or_none()
            if row is None:
                return None
            return {
                **row,
                "ranges": [dict(one) for one in connection.execute(spans.order_by(ranges.c.partition)).mappings()],
                "samples": [dict(one) for one in connection.execute(_samples(process, dict(row))).mappings()],
                "quarantine": [dict(one) for one in connection.execute(refused.order_by(quarantine.c.id)).mappings()],
            }

    def place_of(self, process: str, sample_id: str) -> tuple[str, int]:
        """The micro-batch and the number of a completed sample. Raises StateError if there is none such."""
        wanted = select(scores.c.batch_id, scores.c.sample).where(
            scores.c.process == process, scores.c.sample_id == sample_id, scores.c.scope == "completion"
        )
        with self._begin() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise StateError(f"{process}: a completed sample expected, found no {sample_id[:80]!r}")
        return row.batch_id, row.sample

    def configurations(self, process: str, hashes: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The settings that decided, by their hash."""
        wanted = select(configurations).where(
            configurations.c.process == process, configurations.c.settings_hash.in_(list(hashes))
        )
        with self._begin() as connection:
            return {row.settings_hash: row.settings for row in connection.execute(wanted)}


def _samples(process: str, batch: Mapping[str, Any]) -> Any:
    """The completed samples of a committed micro-batch, found by their numbers."""
    of_sample = and_(predictions.c.process == scores.c.process, predictions.c.sample_id == scores.c.sample_id)
    first = batch["first_sample"] or 0
    answer = (
        select(predictions)
        .where(of_sample, predictions.c.role.in_(ACTING))
        .order_by(predictions.c.at, predictions.c.release)
        .limit(1)
        .correlate(scores)
        .lateral("answer")
    )
    truth = truth_of(scores)
    named = "sample sample_id source start release dimensions unified accepted drift_statistic"
    answered = [answer.c[name] for name in ("value", "lower", "upper", "fallback", "alarm")]
    return (
        select(*(scores.c[name] for name in named.split()), *answered, truth.c.value.label("target"))
        .select_from(scores.outerjoin(answer, true()).outerjoin(truth, true()))
        .where(scores.c.process == process, scores.c.sample >= first, scores.c.sample < first + batch["samples"])
        .order_by(scores.c.sample)
    )
