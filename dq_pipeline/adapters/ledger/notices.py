"""Notices: kept with what they tell of, sent later, judged by people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.database import Database, know_process
from dq_pipeline.adapters.ledger.report_schema import notices
from dq_pipeline.adapters.ledger.schema import incidents
from dq_pipeline.adapters.ledger.trust_schema import alerts
from dq_pipeline.errors import StateError
from dq_pipeline.records import Notice, NoticeRow, RuleCount


class Notices(Database):
    """The part of the ledger that keeps notices until they are sent, and what people said of them."""

    def add_notice(self, notice: Notice, now: datetime) -> bool:
        """Keep a notice, due at once; False if one of its key is kept already."""
        with self._begin() as connection:
            know_process(connection, notice.process)
            return keep_notice(connection, notice, now)

    def claim_notices(self, process: str, now: datetime, *, lease_s: float, limit: int) -> Sequence[NoticeRow]:
        """Take the oldest ones that are due for `lease_s` seconds: no one else is given them meanwhile.

        They say what their alerts and incidents say now. Where nothing is due it is one statement.
        """
        due = select(notices.c.id).where(notices.c.process == process, notices.c.due_at <= now)
        mine = due.order_by(notices.c.id).limit(limit).with_for_update(skip_locked=True).cte("mine")
        until = now + timedelta(seconds=lease_s)
        taken = update(notices).where(notices.c.id == mine.c.id).values(due_at=until).returning(notices)
        with self._begin() as connection:
            rows = sorted(connection.execute(taken).all(), key=lambda row: row.id)
            if not rows:
                return []
            of_alerts = select(alerts.c.id, alerts.c.incident, alerts.c.cleared_at)
            told = of_alerts.where(alerts.c.id.in_([row.alert for row in rows if row.alert]))
            own_alert = {one.id: one for one in connection.execute(told)}
            of_incidents = select(incidents.c.id, incidents.c.record, incidents.c.ending)
            told = of_incidents.where(incidents.c.id.in_([row.incident for row in rows if row.incident]))
            own_incident = {one.id: one for one in connection.execute(told)}
            heard = _heard(connection, rows)
        return [
            _now(row, own_alert.get(row.alert), own_incident.get(row.incident), heard=heard[row.id]) for row in rows
        ]

    def notices_sent(self, process: str, since: datetime) -> Sequence[NoticeRow]:
        """Those that an address took first after `since`."""
        wanted = select(notices).where(notices.c.process == process, notices.c.sent_at > since)
        with self._begin() as connection:
            return [_row(row) for row in connection.execute(wanted.order_by(notices.c.sent_at))]

    def settle_notice(
        self,
        row: NoticeRow,
        *,
        due_at: datetime | None,
        record: Mapping[str, Any],
        sent_at: datetime | None = None,
        attempts: int | None = None,
    ) -> bool:
        """Keep what became of a notice that was claimed; False if somebody else took it since."""
        this = (notices.c.id == row.id) & (notices.c.due_at == row.due_at)
        values: dict[str, Any] = {"due_at": due_at, "record": record}
        values |= {"attempts": row.attempts if attempts is None else attempts, "sent_at": sent_at or row.sent_at}
        with self._begin() as connection:
            return connection.execute(update(notices).where(this).values(values)).rowcount > 0

    def notices(self, process: str, *, limit: int, offset: int = 0) -> Sequence[NoticeRow]:
        """The newest first."""
        wanted = select(notices).where(notices.c.process == process).order_by(notices.c.id.desc())
        with self._begin() as connection:
            return [_row(row) for row in connection.execute(wanted.limit(limit).offset(offset))]

    def judge_notice(self, process: str, number: int, useful: bool, who: str, now: datetime) -> NoticeRow:
        """Keep a person's word, in place of an earlier one.

        Raises
        ------
        StateError
            If the process has no such notice.
        """
        this = (notices.c.process == process) & (notices.c.id == number)
        said = update(notices).where(this).values(useful=useful, judged_by=who, judged_at=now).returning(notices)
        with self._begin() as connection:
            row = connection.execute(said).one_or_none()
        if row is None:
            raise StateError(f"{process}: the number of a notice expected, found {number}. `dq alerts {process}`.")
        return _row(row)

    def rule_counts(self, process: str) -> Sequence[RuleCount]:
        """How often each rule told something, and what people said of it, by name."""
        wanted = select(
            notices.c.kind,
            func.count().label("notices"),
            func.count(notices.c.sent_at).label("told"),
            func.count().filter(notices.c.useful).label("useful"),
            func.count().filter(~notices.c.useful).label("useless"),
        )
        wanted = wanted.where(notices.c.process == process).group_by(notices.c.kind).order_by(notices.c.kind)
        with self._begin() as connection:
            return [RuleCount(**row._mapping) for row in connection.execute(wanted)]


def keep_notice(connection: Connection, notice: Notice, now: datetime) -> bool:
    """Keep a notice as part of the caller's transaction; False if one of its key is kept already."""
    row = {name: getattr(notice, name) for name in Notice.__slots__}
    row |= {"key": notice.key or None, "record": {}, "attempts": 0, "at": now, "due_at": now}
    return connection.execute(upsert(notices).values(row).on_conflict_do_nothing()).rowcount > 0


def _heard(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, tuple[str, ...]]:
    """Per notice the addresses that took an earlier one of the same incident or alert."""
    same = or_(
        notices.c.incident.in_([row.incident for row in rows if row.incident]),
        notices.c.alert.in_([row.alert for row in rows if row.alert]),
    )
    wanted = select(notices.c.id, notices.c.incident, notices.c.alert, notices.c.record)
    earlier = connection.execute(wanted.where(same, notices.c.sent_at.is_not(None))).all()
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        own = [one for one in earlier if one.id < row.id and (one.incident, one.alert) == (row.incident, row.alert)]
        took = {name for one in own for name, said in one.record.get("to", {}).items() if said == "sent"}
        found[row.id] = tuple(sorted(took))
    return found


def _now(row: Row[Any], alert: Row[Any] | None, incident: Row[Any] | None, **more: Any) -> NoticeRow:
    """With what its alert and its incident say now."""
    ended = (alert is not None and alert.cleared_at is not None) or (
        incident is not None and incident.ending is not None
    )
    action = {} if incident is None else incident.record.get("action", {})
    return _row(row, into=None if alert is None else alert.incident, action=action, ended=ended, **more)


def _row(row: Row[Any], **now: Any) -> NoticeRow:
    said = {name: getattr(row, name) for name in Notice.__slots__} | {"key": row.key or ""}
    names = ("id", "at", "due_at", "sent_at", "attempts", "record", "useful", "judged_by", "judged_at")
    return NoticeRow(notice=Notice(**said), **{name: getattr(row, name) for name in names}, **now)
