"""Which notices are sent now, to whom, which wait and which are never sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dq_pipeline.records import SEVERITIES, NoticeRow
from dq_pipeline.sections.alerts import Alerts

CHANGES = ("promoted", "rolled_back")
"""Kinds that tell that another release answers."""
SENT = "sent"
"""What a notice's record says of an address that took it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with one notice.

    Attributes
    ----------
    names
        Addresses it is sent to now; empty: none.
    until
        When it is looked at again; None with no `names`: never.
    why
        Why it is not sent, or not yet.
    into
        The newer notice that tells of it too.
    more
        Of one that is sent: those that it tells of too.
    """

    names: tuple[str, ...] = ()
    until: datetime | None = None
    why: str = ""
    into: int | None = None
    more: tuple[NoticeRow, ...] = ()


def decide(
    due: Sequence[NoticeRow], sent: Sequence[NoticeRow], alerts: Alerts, zone: str, now: datetime
) -> dict[int, Decision]:
    """What is done with each of the notices that are due.

    In this order: one whose alert went into an incident is told with that; a muted kind, and one that is routed
    nowhere, is told to nobody; maintenance, quiet hours (for all but critical ones) and the cooldown make it wait; of
    several that say the same of the same subject the newest is sent and tells of the others.

    Parameters
    ----------
    sent
        Those that were sent within the cooldown.
    zone
        Time zone of `alerts.quiet_hours` and of maintenance without one.

    Returns
    -------
    dict
        By the notice's id.
    """
    decisions: dict[int, Decision] = {}
    groups: dict[tuple[str, str], list[NoticeRow]] = {}
    for row in due:
        waits = _waits(row, sent, alerts, zone, now)
        if waits is not None:
            decisions[row.id] = waits
        else:
            groups.setdefault((row.notice.kind, row.notice.subject), []).append(row)
    for rows in groups.values():
        newest, others = rows[-1], tuple(rows[:-1])
        names = dict.fromkeys(name for row in rows for name in route(row, alerts))
        took = {name for name, said in newest.record.get("to", {}).items() if said == SENT}
        decisions[newest.id] = Decision(tuple(name for name in names if name not in took), more=others)
        for row in others:
            decisions[row.id] = Decision(why=f"told with notice {newest.id}", into=newest.id)
    return decisions


def route(row: NoticeRow, alerts: Alerts) -> tuple[str, ...]:
    """The names a notice goes to: those of its severity, and those who heard of the same incident or alert.

    That another release answers is told to `changes` too; where the file says nothing of it, as warnings are. With
    `changes` empty a promotion is told to nobody.
    """
    names = list(getattr(alerts.to, row.notice.severity))
    if row.notice.kind in CHANGES:
        names = [] if row.notice.kind == "promoted" and alerts.changes is not None else names
        names += alerts.to.warning if alerts.changes is None else alerts.changes
    return tuple(dict.fromkeys([*names, *row.heard]))


def _waits(row: NoticeRow, sent: Sequence[NoticeRow], alerts: Alerts, zone: str, now: datetime) -> Decision | None:
    """Why a notice is not sent now; None where it is."""
    notice = row.notice
    if row.into is not None:
        return Decision(why=f"told with incident {row.into}")
    if notice.kind in alerts.mute:
        return Decision(why=f"{notice.kind} is muted")
    if not route(row, alerts):
        return Decision(why="routed nowhere")
    maintained = alerts.maintained(zone, now)
    if maintained is not None:
        return Decision(until=maintained[0], why=f"maintenance: {maintained[1]}")
    quiet = None if notice.severity == "critical" else alerts.quiet_until(zone, now)
    if quiet is not None:
        return Decision(until=quiet, why="quiet hours")
    heard = [one for one in sent if _cools(one, row)]
    end = max((one.sent_at for one in heard if one.sent_at), default=now) + timedelta(minutes=alerts.cooldown_min)
    if heard and end > now:
        return Decision(until=end, why=f"notice {heard[-1].id} said so a short while ago")
    return None


def _cools(earlier: NoticeRow, row: NoticeRow) -> bool:
    """Whether what was sent says the same of the same subject, and was no less severe; an incident's own go on."""
    one, other = earlier.notice, row.notice
    if earlier.id == row.id or (one.kind, one.subject) != (other.kind, other.subject):
        return False
    if one.incident is not None and one.incident == other.incident:
        return False
    return SEVERITIES.index(one.severity) >= SEVERITIES.index(other.severity)
