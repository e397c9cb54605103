"""The truth about samples: targets and late labels, which of them counts, which contradict each other."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, case, func, select, text
from sqlalchemy.sql.selectable import LateralFromClause

from dq_pipeline.adapters.ledger.bulk import write_rows
from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.feedback_schema import flags
from dq_pipeline.adapters.ledger.flags import write_flags
from dq_pipeline.adapters.ledger.schema import predictions, processes, releases, scores, targets
from dq_pipeline.records import ACTING, Expected, Flag, FlagKind, TargetRow
from dq_pipeline.records.truth import COMPLETION, REVIEW, conflicting, rank

_STATE = text("""
    WITH labels AS (
        SELECT t.lag, CAST(extract(epoch FROM t.at - a.at) AS float8) AS seconds,
            a.at IS NULL AND s.sample_id IS NULL AS unjoined
        FROM dq.targets t
        LEFT JOIN LATERAL (
            SELECT min(p.at) AS at FROM dq.predictions p
            WHERE p.process = t.process AND p.sample_id = t.sample_id AND p.role IN ('champion', 'canary')
        ) AS a ON true
        LEFT JOIN dq.scores s
            ON s.process = t.process AND s.sample_id = t.sample_id AND s.scope = 'completion'
        WHERE t.process = :process AND t.origin NOT IN (:review, :completion)
    )
    SELECT count(*) FILTER (WHERE unjoined) AS unjoined,
        count(*) FILTER (WHERE seconds < 0) AS before,
        percentile_cont(CAST(:quantiles AS float8[])) WITHIN GROUP (ORDER BY lag) AS lag,
        percentile_cont(CAST(:quantiles AS float8[])) WITHIN GROUP (ORDER BY seconds)
            FILTER (WHERE seconds >= 0) AS seconds
    FROM labels
""")
_WAITING = text("""
    SELECT count(DISTINCT p.sample_id) FROM dq.predictions p
    WHERE p.process = :process AND p.role IN ('champion', 'canary')
        AND NOT EXISTS (SELECT FROM dq.targets t WHERE t.process = p.process AND t.sample_id = p.sample_id)
""")
_QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}


class Targets(Database):
    """The part of the ledger that knows the truth."""

    def targets(self, process: str, ids: Sequence[str]) -> dict[str, float]:
        """The value that counts by sample id: a reviewer's, then the newest label's, then the derived one."""
        return {name: row.value for name, row in self.truths(process, ids).items()}

    def truths(self, process: str, ids: Sequence[str]) -> dict[str, TargetRow]:
        """The same with where it came from."""
        with self._begin() as connection:
            return _truths(connection, process, ids)

    def labels_of(self, process: str, ids: Sequence[str]) -> dict[str, tuple[TargetRow, ...]]:
        """All targets by sample id, oldest first, those that do not count included."""
        wanted = select(targets).where(targets.c.process == process, targets.c.sample_id.in_(ids))
        found = defaultdict(list)
        with self._begin() as connection:
            for row in connection.execute(wanted.order_by(targets.c.id)):
                found[row.sample_id].append(_record(row))
        return {name: tuple(rows) for name, rows in found.items()}

    def conflicts(self, process: str, ids: Sequence[str] | None = None) -> dict[str, tuple[TargetRow, ...]]:
        """Labels that contradict each other, in the order they came, by sample id: of these samples, or of all."""
        with self._begin() as connection:
            return _conflicts(connection, process, ids)

    def add_targets(self, process: str, rows: Sequence[TargetRow], now: datetime, *, flags: Sequence[Flag] = ()) -> int:
        """Late labels with the flags they raise; a conflict is flagged by the ledger itself.

        The same label twice is one. Returns how many were new.
        """
        with self._begin() as connection:
            lock_process(connection, process)  # of two labels that contradict each other, one sees the other
            write_flags(connection, process, flags, now)
            new = write_targets(connection, process, rows, now)
            if new:
                _flag_conflicts(connection, process, sorted({row.sample_id for row in rows}), now)
            return new

    def expected_errors(self, process: str, release: str, *, last: int) -> Sequence[Expected]:
        """The newest `last` answers of a release's model with an expected error, oldest first; no fallback's."""
        names = ("sample_id", "at", "value", "expected_error")
        newest = select(*(predictions.c[name] for name in names)).where(
            predictions.c.process == process,
            predictions.c.release == release,
            predictions.c.role.in_(ACTING),
            predictions.c.fallback.is_(None),
            predictions.c.value.is_not(None),
            predictions.c.expected_error.is_not(None),
        )
        answer = newest.order_by(predictions.c.at.desc(), predictions.c.sample_id.desc()).limit(last).subquery()
        began = select(func.min(scores.c.start)).where(
            scores.c.process == process, scores.c.sample_id == answer.c.sample_id
        )
        wanted = select(answer).order_by(answer.c.at, began.scalar_subquery(), answer.c.sample_id)
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
            truth = _truths(connection, process, [row.sample_id for row in rows])
        found = []
        for row in rows:
            known = truth.get(row.sample_id)
            target, known_at = (None, None) if known is None else (known.value, known.at)
            found.append(Expected(row.sample_id, row.at, row.value, row.expected_error, target, known_at))
        return found

    def label_state(self, process: str) -> dict[str, Any]:
        """Counts for people, all of one moment.

        Returns
        -------
        dict
            `origins`: targets and samples by origin; `lag_samples`, `lag_s`: quantiles of the labels' lag, in samples
            that completed and in seconds since the answer; `before`: labels that came before their answer;
            `unjoined`: those whose sample is of history or has yet to come; `conflicts`; `waiting`: answers without
            any target.
        """
        by_origin = select(targets.c.origin, func.count(), func.count(targets.c.sample_id.distinct()))
        by_origin = by_origin.where(targets.c.process == process).group_by(targets.c.origin).order_by(targets.c.origin)
        asked = {"process": process, "review": REVIEW, "completion": COMPLETION}
        with self._begin() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            found = connection.execute(_STATE, asked | {"quantiles": list(_QUANTILES.values())}).one()
            return {
                "origins": {
                    origin: {"targets": count, "samples": distinct}
                    for origin, count, distinct in connection.execute(by_origin)
                },
                "lag_samples": dict(zip(_QUANTILES, found.lag, strict=True)) if found.lag else None,
                "lag_s": dict(zip(_QUANTILES, found.seconds, strict=True)) if found.seconds else None,
                "before": found.before,
                "unjoined": found.unjoined,
                "conflicts": len(_conflicts(connection, process, None)),
                "waiting": connection.execute(_WAITING, {"process": process}).scalar_one(),
            }


def write_targets(connection: Connection, process: str, rows: Sequence[TargetRow], now: datetime) -> int:
    """Append targets with their lag as part of the caller's transaction; returns how many were new."""
    late = [row.sample_id for row in rows if row.origin != COMPLETION]
    lags = _lags(connection, process, late) if late else {}
    values: list[dict[str, Any]] = [
        {
            "process": process,
            "sample_id": row.sample_id,
            "value": row.value,
            "origin": row.origin,
            "annotator": row.annotator,
            "determined_at": row.determined_at or (now if row.origin == REVIEW else None),  # each review stands
            "at": now,
            "lag": 0 if row.origin == COMPLETION else lags.get(row.sample_id),
        }
        for row in rows
    ]
    return write_rows(connection, targets, values, skip_known=True)


def truth_of(samples: Table) -> LateralFromClause:
    """The target that counts of the sample at hand, and its lag; a lateral join walks the samples and stops."""
    wanted = select(targets.c.value, targets.c.lag).where(
        targets.c.process == samples.c.process, targets.c.sample_id == samples.c.sample_id
    )
    return wanted.order_by(*_by_worth()).limit(1).correlate(samples).lateral("truth")


def _by_worth() -> tuple[ColumnElement[Any], ...]:
    """What counts comes first: :func:`dq_pipeline.records.truth.counting` in the database's words."""
    ranks = {origin: rank(origin) for origin in (REVIEW, COMPLETION)}
    return case(ranks, value=targets.c.origin, else_=rank("")), targets.c.id.desc()


def _truths(connection: Connection, process: str, ids: Sequence[str]) -> dict[str, TargetRow]:
    wanted = select(targets).where(targets.c.process == process, targets.c.sample_id.in_(ids))
    wanted = wanted.distinct(targets.c.sample_id).order_by(targets.c.sample_id, *_by_worth())
    return {row.sample_id: _record(row) for row in connection.execute(wanted)}


def _lags(connection: Connection, process: str, ids: Sequence[str]) -> dict[str, int]:
    """How many samples completed since each of these did."""
    newest = select(processes.c.samples - 1).where(processes.c.process == process).scalar_subquery()
    wanted = select(scores.c.sample_id, (newest - scores.c.sample).label("lag")).where(
        scores.c.process == process,
        scores.c.scope == "completion",
        scores.c.sample_id.in_(ids),
    )
    return {row.sample_id: row.lag for row in connection.execute(wanted)}


def _conflicts(connection: Connection, process: str, ids: Sequence[str] | None) -> dict[str, tuple[TargetRow, ...]]:
    of_process = targets.c.process == process
    several: Select[Any] = select(targets.c.sample_id).where(of_process, targets.c.origin != COMPLETION)
    several = several.group_by(targets.c.sample_id).having(func.count(targets.c.value.distinct()) > 1)
    if ids is not None:
        several = several.where(targets.c.sample_id.in_(ids))
    wanted = select(targets).where(of_process, targets.c.sample_id.in_(several))
    rows = connection.execute(wanted.order_by(targets.c.sample_id, targets.c.id)).all()
    by_sample = {name: conflicting([_record(row) for row in own]) for name, own in groupby(rows, lambda r: r.sample_id)}
    return {name: found for name, found in by_sample.items() if found}


def _flag_conflicts(connection: Connection, process: str, ids: Sequence[str], now: datetime) -> None:
    """One flag for each conflict, whichever release is in Production when it is looked at."""
    found = _conflicts(connection, process, ids)
    if not found:
        return
    kind = FlagKind.CONFLICTING_LABELS
    known = select(flags.c.sample_id, flags.c.mark)
    known = known.where(flags.c.process == process, flags.c.kind == str(kind), flags.c.sample_id.in_(list(found)))
    there = {(row.sample_id, row.mark) for row in connection.execute(known)}
    serving = select(releases.c.version).where(releases.c.process == process, releases.c.stage == "Production")
    release = connection.scalar(serving) or ""
    raised = [Flag(name, kind, release, _evidence(rows), mark=_mark(rows)) for name, rows in found.items()]
    write_flags(connection, process, [flag for flag in raised if (flag.sample_id, flag.mark) not in there], now)


def _evidence(rows: Sequence[TargetRow]) -> dict[str, Any]:
    told = [replace(row, at=row.determined_at or row.at) for row in rows]
    return {
        "values": [
            {"value": row.value, "origin": row.origin, "annotator": row.annotator, "at": row.at and row.at.isoformat()}
            for row in told
        ]
    }


def _mark(rows: Sequence[TargetRow]) -> str:
    said = sorted({row.value for row in rows})
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _record(row: Row[Any]) -> TargetRow:
    return TargetRow(**{name: getattr(row, name) for name in TargetRow.__slots__})
