"""Is the loop well: looked at every few minutes, whether the deployment runs or not, and told once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.records import Alert, AlertRow, Notice, Severity, runbook
from dq_pipeline.steps import loop_signs, stream_signs
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.watch.arrival import LOOKS
from dq_pipeline.watch.sign import KINDS, Kind, Sign

WATCH = "watch"
"""The ledger's fact that holds what is known between looks: lags, since when a sign is well, alerts told."""
APART = timedelta(seconds=60)
"""Looks closer together than that are one: lag grows from look to look."""
_KEPT = 200
_TOLD_ELSEWHERE = ("parked",)
"""The ledger tells of them itself, each range once."""

_LOOP: dict[Kind, Callable[[World, Serving], Sign]] = {
    "latency": loop_signs.latency,
    "unnoticed_error": loop_signs.unnoticed_error,
    "erratic": loop_signs.erratic,
    "stuck_scores": loop_signs.stuck_scores,
}


def look(world: World, process: str) -> dict[str, Any]:
    """Look at everything; changes nothing.

    Returns
    -------
    dict
        `process`; `signs` with `kind`, `verdict` ("sick", "well", "unknown"), `text`, `figure`, `limit`, `subject`
        and `runbook`; `sick`, how many are; `why` says why nothing was looked at.
    """
    found = _signs(world, process, utc_now())
    return _looked(process, found)


def watch(world: World, process: str) -> dict[str, Any]:
    """Look at everything, raise and clear alerts, and tell people once.

    An alert is cleared when its sign has been well for `watch.cooldown_s`, or what it was about is gone. A learned
    scorer that is stuck is due to be fitted anew.

    Returns
    -------
    dict
        Of :func:`look`, and `alerts`, the keys that stand; `raised` and `cleared` by this look; `due`, the key of a
        refit that was made due.
    """
    now = utc_now()
    signs = _signs(world, process, now)
    raised = [sign.key for sign in signs if sign.verdict == "sick" and _raise(world, process, sign, now)]
    cleared = _settle(world, process, signs, now)
    due = _remedied(world, process, signs)
    standing = [row.alert.key for row in _standing(world, process)]
    return {**_looked(process, signs), "alerts": standing, "raised": raised, "cleared": cleared, "due": due}


def _signs(world: World, process: str, now: datetime) -> list[Sign]:
    if world.ledger.production(process) is None:
        return []
    state = world.ledger.fact(process, WATCH) or {}
    earlier = [one for one in state.get("looks", ()) if datetime.fromisoformat(one["at"]) <= now - APART]
    found = stream_signs.stream_signs(world, process, [int(one["lag"]) for one in earlier], now)
    serving: Serving | None = None
    for kind, of in _LOOP.items():
        try:
            serving = serving or in_production(world, process)
            found.append(of(world, serving))
        except (DQError, FileNotFoundError) as error:  # the others are looked at all the same
            found.append(Sign(kind, "unknown", f"could not be looked at: {error}"))
    return sorted(found, key=lambda sign: KINDS.index(sign.kind))


def _raise(world: World, process: str, sign: Sign, now: datetime) -> bool:
    title = f"{process}: {sign.text}"
    evidence = {**sign.evidence, "figure": sign.figure, "limit": sign.limit}
    seen = world.ledger.sample_count(process)
    alert = Alert(sign.kind, sign.key, sign.severity, title, sign.subject, seen or None, evidence)
    return world.ledger.raise_alert(process, alert, now)


def _settle(world: World, process: str, signs: Sequence[Sign], now: datetime) -> list[str]:
    """Clear what is well again, and tell of what was not told yet; returns the keys that were cleared."""
    verdicts = {sign.key: sign.verdict for sign in signs}
    rows = _standing(world, process) if signs else []
    cooldown = timedelta(seconds=world.process(process).watch.cooldown_s)
    lag = next((int(sign.evidence["lag"]) for sign in signs if sign.kind == "lag"), None)
    untold: list[AlertRow] = []
    over: list[AlertRow] = []

    def changed(fact: dict[str, Any] | None) -> dict[str, Any]:
        state = fact or {}
        since, told = dict(state.get("well", {})), list(state.get("told", ()))
        well: dict[str, str] = {}
        untold.clear()
        over.clear()
        for row in rows:
            verdict = verdicts.get(row.alert.key)
            if verdict == "well":
                well[row.alert.key] = since.get(row.alert.key, now.isoformat())
            if verdict is None or (verdict == "well" and datetime.fromisoformat(well[row.alert.key]) <= now - cooldown):
                over.append(row)
            if row.id not in told:
                untold.append(row)
        looks = list(state.get("looks", ()))
        if lag is not None and (not looks or datetime.fromisoformat(looks[-1]["at"]) <= now - APART):
            looks.append({"at": now.isoformat(), "lag": lag})
        told = [*told, *(row.id for row in untold)][-_KEPT:]
        return {"looks": looks[-LOOKS - 1 :], "well": well, "told": told}

    world.ledger.change_fact(process, WATCH, changed, now)
    for row in untold:
        if row.alert.kind not in _TOLD_ELSEWHERE:
            title, detail = _heading(row.alert), row.alert.title
            world.notifier.notify(_notice(row, row.alert.severity, title, detail))
    cleared = [row for row in over if world.ledger.clear_alert(process, row.alert.key, now)]
    for row in cleared:
        text = next((sign.text for sign in signs if sign.key == row.alert.key), "what it was about is gone")
        world.notifier.notify(_notice(row, "info", f"{_heading(row.alert)}: over", text, over=True))
    return [row.alert.key for row in cleared]


def _notice(row: AlertRow, severity: Severity, title: str, detail: str, *, over: bool = False) -> Notice:
    return Notice(
        row.process,
        severity,
        title,
        detail,
        runbook=runbook(row.alert.kind),
        kind=f"watch/{row.alert.kind}",
        subject=row.alert.subject,
        alert=row.id,
        key=f"alert:{row.id}{':over' if over else ''}",
        since=row.at,
        over=over,
    )


def _remedied(world: World, process: str, signs: Sequence[Sign]) -> str | None:
    stuck = next((sign for sign in signs if sign.kind == "stuck_scores" and sign.verdict == "sick"), None)
    return None if stuck is None else loop_signs.remedy(world, in_production(world, process), stuck)


def _standing(world: World, process: str) -> list[AlertRow]:
    return [row for row in world.ledger.alerts(process, standing=True) if row.alert.kind in KINDS]


def _looked(process: str, signs: Sequence[Sign]) -> dict[str, Any]:
    return {
        "process": process,
        "why": None if signs else f"{process} has no release in Production yet: run its initialization first",
        "sick": sum(sign.verdict == "sick" for sign in signs),
        "signs": [
            {
                "kind": sign.kind,
                "subject": sign.subject,
                "verdict": sign.verdict,
                "text": sign.text,
                "figure": sign.figure,
                "limit": sign.limit,
                "severity": sign.severity,
                "evidence": dict(sign.evidence),
                "runbook": runbook(sign.kind),
            }
            for sign in signs
        ],
    }


_HEADINGS: dict[str, str] = {
    "latency": "drift fires too often, or answers come late",
    "unnoticed_error": "the error has risen and nothing has noticed",
    "erratic": "the release behaves erratically",
    "stuck_scores": "the quality score is stuck",
    "silence": "no data",
    "lag": "messages wait unread",
    "stale_claim": "a batch was left and nobody takes it up",
    "failing": "the deployment fails again and again",
    "parked": "ranges of the stream are parked",
}


def _heading(alert: Alert) -> str:
    process = alert.title.split(":", 1)[0]
    about = f" ({alert.subject})" if alert.subject else ""
    return f"{process}: {_HEADINGS[alert.kind]}{about}"
