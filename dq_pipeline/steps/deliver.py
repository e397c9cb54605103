"""Send what people are to be told: later than it happened, tried again, and never in anybody's way."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Dispatch, NoticeRow
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.notice_text import cut, dispatch
from dq_pipeline.watch.telling import SENT, Decision, decide

log = logging.getLogger(__name__)

LIMIT_S = 60.0
"""All sends of one call take no longer."""
ASIDE_S = 3.0
"""Beside a micro-batch, whose successor waits for it; what an address does not take in time is left to the watch."""
AT_ONCE = 50
LEASE_S = 120.0
"""For so long nobody else is given what a call took: what a killed one left is tried again then."""
ATTEMPTS = 10
"""After so many, over three hours, a notice is given up."""
FIRST_S, MOST_S = 30.0, 3600.0
"""Pause after the first attempt, doubled each time, and the longest."""


def deliver(world: World, process: str, *, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """Send the notices that are due, as `alerts` of the process file says.

    Safe to run at any time, twice, and by several at once: each notice is taken by one. Where nothing is due it is one
    query. What an address does not take is tried again, later each time, and given up after :data:`ATTEMPTS`; a killed
    call may send what it was sending once more.

    Parameters
    ----------
    limit_s
        Seconds that sending may take.

    Returns
    -------
    dict
        `process`; counts of notices: `sent`, `failed` (tried again later), `given_up`, `waiting` (quiet hours,
        maintenance, cooldown), `held` (told to nobody on their own); `error`, why nothing could be decided.
    """
    counts = {"sent": 0, "failed": 0, "given_up": 0, "waiting": 0, "held": 0}
    rows = world.ledger.claim_notices(process, utc_now(), lease_s=LEASE_S + limit_s, limit=AT_ONCE)
    if not rows:
        return {"process": process, **counts, "error": None}
    try:
        settings = world.process(process)
    except DQError as error:  # the process file is wrong: they are due again when their lease ends
        log.warning("%s: %d notices wait: %s", process, len(rows), error)
        return {"process": process, **counts, "waiting": len(rows), "error": str(error)}
    now, alerts = utc_now(), settings.alerts
    sent = world.ledger.notices_sent(process, now - timedelta(minutes=alerts.cooldown_min))
    decisions = decide(rows, sent, alerts, settings.sample.timezone, now)
    told = [_gathered(world, row, decisions[row.id]) for row in rows if decisions[row.id].names]
    for row in rows:
        decision = decisions[row.id]
        if not decision.names:
            _held(world, row, decision)
            counts["waiting" if decision.until else "held"] += 1
    for row, said in _sent(world, settings, told, decisions, limit_s):
        counts[_settled(world, row, said)] += 1
    return {"process": process, **counts, "error": None}


def deliver_aside(world: World, process: str) -> dict[str, Any]:
    """:func:`deliver` beside a micro-batch, shortly: what goes wrong with it is logged, and the stream goes on."""
    try:
        return deliver(world, process, limit_s=ASIDE_S)
    except Exception as error:
        log.exception("%s: notices could not be sent now", process)
        return {"process": process, "error": type(error).__name__}


def _gathered(world: World, row: NoticeRow, decision: Decision) -> NoticeRow:
    """With the titles of what it tells of too: kept before those count as told."""
    titles = [title for one in decision.more for title in (*one.record.get("more", ()), one.notice.title)]
    if not titles:
        return row
    record = {**row.record, "more": [*row.record.get("more", ()), *titles]}
    world.ledger.settle_notice(row, due_at=row.due_at, record=record)
    return replace(row, record=record)


def _held(world: World, row: NoticeRow, decision: Decision) -> None:
    record = {**row.record, "held": decision.why, **({"into": decision.into} if decision.into else {})}
    world.ledger.settle_notice(row, due_at=decision.until, record=record)


def _sent(
    world: World, process: Process, rows: Sequence[NoticeRow], decisions: Mapping[int, Decision], limit_s: float
) -> list[tuple[NoticeRow, dict[str, str | None]]]:
    """Send, and say of each notice what became of it by address."""
    parts: list[tuple[NoticeRow, Dispatch]] = []
    for row in rows:
        parts += [(row, dispatch(world.sender, process, row, name)) for name in decisions[row.id].names]
    said = world.sender.send([part for _, part in parts], limit_s=limit_s) if parts else []
    found: dict[int, dict[str, str | None]] = {}
    for (row, part), one in zip(parts, said, strict=True):
        found.setdefault(row.id, {})[part.address] = one
    return [(row, found[row.id]) for row in rows if row.id in found]


def _settled(world: World, row: NoticeRow, said: Mapping[str, str | None]) -> str:
    """Keep what became of a notice that was tried; which count it goes into."""
    now, to = utc_now(), {**row.record.get("to", {})}
    to |= {name: SENT if one == "" else cut(one or "not tried yet", 300) for name, one in said.items()}
    record: dict[str, Any] = {name: value for name, value in row.record.items() if name != "held"} | {"to": to}
    failed = sorted(name for name, one in said.items() if one)
    waits = any(one is None for one in said.values())
    attempts = row.attempts + bool(failed)
    due: datetime | None = None
    if failed and attempts >= ATTEMPTS:
        record["given_up"] = failed
        log.error("%s: notice %d is given up for %s", row.notice.process, row.id, ", ".join(failed))
    elif failed or waits:
        due = now + timedelta(seconds=min(FIRST_S * 2.0 ** max(attempts - 1, 0), MOST_S))
        for name in failed:
            log.warning("%s: notice %d did not reach %s: %s", row.notice.process, row.id, name, to[name])
    took = now if row.sent_at is None and any(one == "" for one in said.values()) else None
    world.ledger.settle_notice(row, due_at=due, record=record, sent_at=took, attempts=attempts)
    if record.get("given_up"):
        return "given_up"
    return "failed" if due else "sent"
