"""Notices as people see them: what was told, to whom, and whether it was any use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dq_pipeline.errors import ConfigurationError, StateError
from dq_pipeline.ports import World
from dq_pipeline.records import NoticeRow, RuleCount
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.deliver import LIMIT_S
from dq_pipeline.steps.notice_text import trial

MOST = 500
JUDGED = 5
"""Judged notices of a rule from which its precision is worth a proposal."""
PRECISE = 0.5
"""A rule that is useful less often is proposed to be muted."""


def notices(world: World, process: str, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """What was told of a process, the newest first, ready for JSON.

    Parameters
    ----------
    limit, offset
        At most 500 after the first `offset`.

    Returns
    -------
    list of dict
        `id`, `at`, `kind`, `subject`, `severity`, `title`, `detail`, `runbook`, `incident`, `alert`, `since`, `over`;
        `state` ("sent", "waiting", "given up", "held"), `why` it is not sent, `to` (address -> "sent" or why not),
        `more` (titles that it told too), `attempts`, `due_at`, `sent_at`; `useful` (None: nobody said), `judged_by`,
        `judged_at`. Times are ISO 8601 in UTC. Titles and details may hold what messages carried: escape them.

    Raises
    ------
    ConfigurationError
        If there is no such process.
    """
    world.process(process)
    rows = world.ledger.notices(process, limit=max(1, min(limit, MOST)), offset=max(0, offset))
    return [as_json(row) for row in rows]


def judge_notice(world: World, process: str, number: int, *, useful: bool, who: str) -> dict[str, Any]:
    """Keep whether a notice was useful, in place of what was said before; the notice as :func:`notices` has it.

    Raises
    ------
    ConfigurationError
        If there is no such process.
    StateError
        If the process has no such notice, or nobody says who judges.
    """
    world.process(process)
    if not who.strip():
        raise StateError(f"notice {number} of {process}: the name of who judges expected, found none")
    return as_json(world.ledger.judge_notice(process, number, useful, who, utc_now()))


def send_test(world: World, process: str, address: str, *, who: str) -> dict[str, Any]:
    """Send a test to one address of the process file now; it is kept nowhere.

    Returns
    -------
    dict
        `process`, `address`, `sent`, and `why` it was not. What it says never holds the address itself.

    Raises
    ------
    ConfigurationError
        If the process file names no such address, or its setting is missing or refused.
    """
    settings = world.process(process)
    named = settings.alerts.addresses
    if address not in named:
        known = ", ".join(named) or "none; name some under `alerts.to`"
        raise ConfigurationError(f"{process}: an address of `alerts` expected, found {address!r}. There are: {known}.")
    world.sender.check(address)
    (said,) = world.sender.send([trial(world.sender, settings, address, who)], limit_s=LIMIT_S)
    return {"process": process, "address": address, "sent": said == "", "why": said or None}


def precision(world: World, process: str) -> list[dict[str, Any]]:
    """How useful each rule was, the least useful first, with what is proposed.

    Returns
    -------
    list of dict
        `kind`; `notices`, how often the rule told something; `told`, how many were sent on their own; `judged`,
        `useful`; `precision`, useful of judged (None: nobody judged); `muted`; `proposal`, what to change in the
        process file, or None. Fewer than 5 judged give no proposal.
    """
    mute = world.process(process).alerts.mute
    rows = [_rule(count, count.kind in mute) for count in world.ledger.rule_counts(process)]
    return sorted(rows, key=lambda row: (2.0 if row["precision"] is None else row["precision"], row["kind"]))


def prune(rules: Sequence[dict[str, Any]]) -> list[str]:
    """What :func:`precision` proposes, in sentences."""
    return [str(row["proposal"]) for row in rules if row["proposal"]]


def as_json(row: NoticeRow) -> dict[str, Any]:
    """One notice, ready for JSON; see :func:`notices`."""
    notice = row.notice
    plain = ("kind", "subject", "severity", "title", "detail", "runbook", "incident", "alert", "over")
    times = {"at": row.at, "since": notice.since, "due_at": row.due_at, "sent_at": row.sent_at}
    return {
        "id": row.id,
        **{name: getattr(notice, name) for name in plain},
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
        "state": row.state,
        "why": row.record.get("held"),
        "to": dict(row.record.get("to", {})),
        "more": list(row.record.get("more", ())),
        "attempts": row.attempts,
        "useful": row.useful,
        "judged_by": row.judged_by,
        "judged_at": None if row.judged_at is None else row.judged_at.isoformat(),
    }


def _rule(count: RuleCount, muted: bool) -> dict[str, Any]:
    judged = count.useful + count.useless
    share = count.useful / judged if judged else None
    proposal = None
    if share is not None and judged >= JUDGED and share < PRECISE and not muted:
        proposal = (
            f"{count.kind} was useful in {count.useful} of {judged} judged notices: put it into `alerts.mute`, or "
            "raise its limit"
        )
    return {
        "kind": count.kind,
        "notices": count.notices,
        "told": count.told,
        "judged": judged,
        "useful": count.useful,
        "precision": share,
        "muted": muted,
        "proposal": proposal,
    }
