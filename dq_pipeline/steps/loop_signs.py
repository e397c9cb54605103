"""The four signatures of a sick loop: gathered from ledger and lake, judged by `dq_pipeline.watch`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.governor import CARRIES_MODEL
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.quality.oracle import LEAST, chosen
from dq_pipeline.records import EventState
from dq_pipeline.steps import agenda, incidents, oracle
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.releases import previous_release
from dq_pipeline.steps.serving import Serving, successions
from dq_pipeline.steps.situation import WINDOW, error_seen
from dq_pipeline.watch import erratic as erratic_
from dq_pipeline.watch import latency as latency_
from dq_pipeline.watch import stuck_scores as scores_
from dq_pipeline.watch import unnoticed_error as error_
from dq_pipeline.watch.sign import Sign

PER = 1000
"""Newest samples among which drift events are counted."""
PAIRS = 200
_LIVE = (EventState.OPEN, EventState.REBUILDING)


def latency(world: World, serving: Serving) -> Sign:
    """Drift events and adaptations against the budget, decision latency against the usual one."""
    name = serving.process.name
    process, seen = world.process(name), world.ledger.sample_count(name)
    first = max(seen - PER, 0)
    kinds = {row.version: row.kind for row in world.ledger.releases(name) if row.event is not None}
    adapted = [c for c in world.ledger.changes(name) if c.action in ("promote", "reject") and c.sample >= first]
    return latency_.latency(
        sum(event.sample >= first for event in world.ledger.events(name)),
        sum(kinds.get(c.version, "rereference") not in CARRIES_MODEL for c in adapted),
        seen - first,
        np.array(world.ledger.latencies(name, last=PER), dtype=np.float64),
        per_1000=_budget(process, serving),
        floor_s=process.stream.max_wait_s + process.stream.horizon_wait_s,
        limit_s=process.watch.latency_s,
    )


def unnoticed_error(world: World, serving: Serving) -> Sign:
    """The error seen, or expected, over the one promised, and whether anything has noticed."""
    limit = world.process(serving.process.name).watch.error_ratio
    found = [error_seen(world, serving, last) for last in error_.WINDOWS]
    return error_.unnoticed_error(found, limit=limit, noticed=_noticed(world, serving), release=serving.version)


def erratic(world: World, serving: Serving) -> Sign:
    """The release's volatility over that of the one it replaced, on the samples that both answered."""
    process = world.process(serving.process.name)
    replaced = previous_release(world, process.name)
    version = "" if replaced is None else replaced.version
    rows = world.ledger.both(process.name, serving.version, version, last=PAIRS) if version else ()
    return erratic_.erratic(
        _floats([row.value for row in rows]),
        _floats([row.other for row in rows]),
        _floats([row.width for row in rows]),
        _floats([row.target for row in rows]),
        limit=process.watch.volatility_ratio,
        release=serving.version,
        replaced=version,
        rng=rng_of(f"{process.name}/erratic/{serving.version}/{len(rows)}"),
        classes=process.target.task != "regression",
    )


def stuck_scores(world: World, serving: Serving) -> Sign:
    """The unified score's spread against the usual one, and what the oracle says of a learned scorer.

    The usual spread is the narrowest of the scores before; while an alert stands, that of before the alert.
    """
    name, quality = serving.process.name, serving.process.quality
    rows = world.ledger.newest_scores(name, last=2 * scores_.NEWEST * (1 + scores_.BLOCKS[1]))
    again = np.zeros(len(rows), dtype=np.bool_)
    learned = serving.bundle.learned_scorer is not None and quality.scorer == "learned"
    if learned:
        again = chosen([row.sample_id for row in rows], quality.oracle_share)
    unified, ours = _floats([row.unified for row in rows]), [row.release == serving.version for row in rows]
    current = np.array(ours, dtype=np.bool_)
    said = np.flatnonzero(current & ~again)[-scores_.NEWEST :]
    before = np.flatnonzero(~again[: said[0]]) if len(said) else np.array([], dtype=np.int64)
    direct = unified[current & again][-LEAST:]
    usual = _usual(world, name)
    if usual is None and len(said):
        usual = scores_.narrowest(unified[before], scores_.spread(unified[said]))
    return scores_.stuck_scores(
        unified[said],
        usual,
        limit=world.process(name).watch.score_spread,
        beside=scores_.spread(direct) if len(direct) >= LEAST else None,
        disagreement=oracle.disagreeing(world, serving),
        tolerance=quality.oracle_tolerance,
    )


def remedy(world: World, serving: Serving, sign: Sign) -> str | None:
    """Have the learned scorer re-annotated and fitted anew, where it is what is stuck; the key of what is due."""
    name = serving.process.name
    if (
        not sign.evidence.get("scorer")
        or world.ledger.hold(name) is not None
        or incidents.in_the_way(world.ledger.incidents(name, standing=True))
    ):
        return None
    committed = world.ledger.committed(name, last=1)
    due = oracle.refit(committed[-1].sequence if committed else 0, sign.text)
    if world.ledger.release_by_key(name, due["key"]) is not None:
        return None
    after = agenda.change(world, name, lambda now: agenda.with_due(now, due))
    return str(due["key"]) if after.due is not None and after.due["key"] == due["key"] else None


def _budget(process: Process, serving: Serving) -> float:
    """Drift events that are to be expected in 1,000 samples without drift."""
    stated = process.watch.adaptations_per_1000
    return serving.process.drift.false_alarms_per_1000 if stated is None else stated


def _noticed(world: World, serving: Serving) -> str:
    """What has noticed that the error rose, if anything has."""
    name = serving.process.name
    began = [change.sample for change in successions(world, name)[-1:]]
    first = max(world.ledger.sample_count(name) - WINDOW, *began, 0)
    event = next((e for e in reversed(world.ledger.events(name)) if e.sample >= first or e.state in _LIVE), None)
    if event is not None:
        return f"drift event {event.id} is {event.state}"
    hold = world.ledger.hold(name)
    if hold is not None:
        return f"on hold since the rollback at sample {hold.sample}"
    alerts = world.ledger.alerts(name, standing=True)
    own = {row.incident for row in alerts if row.alert.kind == "unnoticed_error"}
    other = [one for one in incidents.in_the_way(world.ledger.incidents(name, standing=True)) if one.id not in own]
    if other:
        return f"incident {other[-1].id}: {other[-1].title}"
    due = agenda.read(world, name).due
    return "" if due is None or due["kind"] in CARRIES_MODEL else f"{due['key']} is due: {due['why']}"


def _usual(world: World, process: str) -> float | None:
    standing = [row.alert for row in world.ledger.alerts(process, standing=True) if row.alert.kind == "stuck_scores"]
    return standing[-1].evidence.get("usual") if standing else None


def _floats(values: list[Any]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)  # None is NaN
