"""The way of a staged release into Production: it begins, is looked at, paused, and ended. `step_up` moves it on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dq_pipeline.errors import DQError, StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import LIVE, Pair, ReleaseRow, Rollout, RolloutState, Step
from dq_pipeline.release import rollout as policy
from dq_pipeline.steps.candidates import comparable
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.contracts import contracts_hold
from dq_pipeline.steps.releases import release_of
from dq_pipeline.steps.rollback import sync_registry
from dq_pipeline.steps.serving import in_production, load

log = logging.getLogger(__name__)

ALERT = "rollout"
"""Kind of the alert that a release was let go; it stands until another one is staged."""
NOT_ROLLED_OUT = ("initial", "rereference")
"""An initialization begins anew by a person's word; a new reference carries the model over: nothing would be seen."""


def begin(world: World, row: ReleaseRow) -> Rollout | None:
    """A release that was staged begins its way; None where it is to be promoted at once. Repeating it is no change."""
    name = row.process
    known = standing(world, name).get(row.version)
    if known is not None and known.state != "ended":
        return known
    settings, champion = world.process(name).rollout, world.ledger.production(name)
    if not settings.asks or champion is None or row.kind in NOT_ROLLED_OUT:
        return None
    if not comparable(load(world, row), in_production(world, name)):
        return None
    for told in world.ledger.alerts(name, standing=True):
        if told.alert.kind == ALERT:  # of one that was let go before
            world.ledger.clear_alert(name, told.alert.key, utc_now())
    why = f"staged over release {champion.version}"
    return _begun(world, row.version, known, Step("shadow", champion.version, 0.0, why), name, settings.shadow)


def shadow(world: World, process: str, version: str, *, samples: int, who: str, why: str) -> dict[str, Any]:
    """Let any release predict beside the one in Production until so many samples are judged; it is not promoted.

    Raises
    ------
    StateError
        If there is no such release, it is in Production or rolled out already, or answers another question.
    """
    serving = in_production(world, process)
    release = release_of(world, process, version)
    known = standing(world, process).get(version)
    if version == serving.version or (known is not None and known.state in LIVE):
        where = known.state if known is not None and known.state in LIVE else "Production"
        raise StateError(f"{process}: a release that is not rolled out expected, found {version} in {where}")
    if not comparable(load(world, release), serving):
        raise StateError(f"release {version} of {process} answers another question, or recordings of another form")
    step = Step("shadow", serving.version, 0.0, why, who, {"only": True})
    row = _begun(world, version, known, step, process, samples)
    return {"version": version, "champion": serving.version, "samples": samples, "began": row.sample}


def _begun(world: World, version: str, known: Rollout | None, step: Step, process: str, need: int) -> Rollout:
    record = {**step.record, "began": world.ledger.sample_count(process), "need": need}
    moved = Step(step.state, step.champion, step.share, step.why, step.who, record)
    row = world.ledger.move_rollout(process, version, moved, utc_now(), was=None if known is None else known.id)
    if row is None:
        raise StateError(f"{process}: the rollout of release {version} was moved by another run meanwhile; look again")
    sync(world, process)
    return row


def standing(world: World, process: str) -> dict[str, Rollout]:
    """The newest step of each version."""
    return {row.version: row for row in world.ledger.rollouts(process)}


def live(world: World, process: str, version: str) -> Rollout:
    """The rollout of a version that is under way. Raises StateError where there is none."""
    rows = standing(world, process)
    row = rows.get(version)
    if row is None or row.state not in LIVE:
        known = ", ".join(f"{one.version} ({one.state})" for one in rows.values()) or "none"
        raise StateError(f"a release of {process} in shadow or canary expected, found {version}; rollouts: {known}")
    return row


def move(world: World, row: Rollout, state: RolloutState, share: float, why: str, **record: Any) -> Rollout | None:
    """Take a step upon another; None if somebody else did meanwhile."""
    who = record.pop("who", "dq")
    step = Step(state, row.champion, share, why, who, {**row.record, **record})
    moved = world.ledger.move_rollout(row.process, row.version, step, utc_now(), was=row.id)
    if moved is not None:
        sync(world, row.process)
    return moved


def close(world: World, row: Rollout, state: RolloutState, why: str, **record: Any) -> None:
    """Its way is over."""
    move(world, row, state, 0.0, why, **record)


def pause(world: World, process: str, version: str, *, who: str, why: str) -> dict[str, Any]:
    """Nobody is answered by it and it steps up no more; it goes on in shadow. Again: it goes on where it was."""
    row = live(world, process, version)
    if row.state == "paused":
        back = row.record["paused"]
        moved = move(world, row, back["state"], back["share"], why, who=who, paused=None, since=since(row))
    else:
        kept = {"state": row.state, "share": row.share}
        moved = move(world, row, "paused", 0.0, why, who=who, paused=kept, since=since(row))
    if moved is None:
        raise StateError(f"{process}: the rollout of release {version} was moved by another run meanwhile; look again")
    return {"version": version, "state": moved.state, "why": why}


def since(row: Rollout) -> int:
    """The sequence of the claim after which its figures are counted: pausing and waiting do not begin them anew."""
    kept = row.record.get("since")
    return row.after if kept is None else int(kept)


def phase(row: Rollout) -> str:
    """`shadow` or `canary`: what a rollout that is paused or waits was in."""
    state = row.record["paused"]["state"] if row.state == "paused" else row.state
    return "canary" if state == "canary" or (state == "waiting" and row.share > 0.0) else "shadow"


def need(row: Rollout, process: Process) -> int:
    """Samples to be judged before it steps up."""
    if phase(row) == "canary":
        return 0 if process.rollout.canary is None else process.rollout.canary.samples
    return int(row.record["need"])


def seen(world: World, row: Rollout) -> list[Pair]:
    """What it and Production said of the same samples; without those of a sensor's fault."""
    incidents = world.ledger.incidents(row.process)
    return [
        pair
        for pair in world.ledger.pairs(row.process, row.version, row.champion, after=since(row))
        if pair.sample is None or not any(one.withholds(pair.sample) for one in incidents)
    ]


def judged(row: Rollout, pairs: Sequence[Pair]) -> int:
    """Samples with their truth: all in shadow, in the canary those that it answered."""
    known = [pair for pair in pairs if pair.target is not None]
    return sum(pair.role == "canary" for pair in known) if phase(row) == "canary" else len(known)


def arrays(pairs: Sequence[Pair]) -> policy.Pairs:
    """Pairs as the policy takes them."""

    def column(name: str) -> Any:
        return np.array([getattr(pair, name) for pair in pairs], dtype=np.float64)  # None is NaN

    return policy.Pairs(
        truth=column("target"),
        candidate=column("value"),
        champion=column("champion_value"),
        lower=column("lower"),
        upper=column("upper"),
        champion_lower=column("champion_lower"),
        champion_upper=column("champion_upper"),
        alarmed=np.array([pair.alarm for pair in pairs], dtype=np.bool_),
        champion_alarmed=np.array([pair.champion_alarm for pair in pairs], dtype=np.bool_),
    )


def advice(row: Rollout, process: Process, pairs: Sequence[Pair]) -> policy.Advice:
    """What comes next for it."""
    return policy.advise(arrays(pairs), process, judged(row, pairs), need(row, process))


def rollouts(world: World, process: str) -> list[dict[str, Any]]:
    """Every rollout as a person asks for it, oldest first: where it stands, its figures, and why it stays there."""
    return [_told(world, row) for row in world.ledger.rollouts(process)]


def _told(world: World, row: Rollout) -> dict[str, Any]:
    told = {
        "version": row.version,
        "state": row.state,
        "champion": row.champion,
        "share": row.share,
        "since": row.sample,
        "answered": world.ledger.canary_answers(row.process, row.version),
        "who": row.who,
        "why": row.why,
        "at": row.at.isoformat(),
        "only_shadow": bool(row.record.get("only")),
        "figures": row.record.get("figures"),
    }
    if row.state not in LIVE:
        return told
    try:
        process = load(world, release_of(world, row.process, row.version)).process
    except DQError as error:
        return told | {"judged": None, "need": None, "stays": f"it cannot be had just now: {error}"}
    pairs = seen(world, row)
    found = advice(row, process, pairs)
    broken = contracts_hold(world, row.process, row.version) if found.action == "step_up" else ()
    return told | {
        "judged": judged(row, pairs),
        "need": need(row, process),
        "figures": figures(row, process, pairs, found),
        "stays": f"contracts are broken: {'; '.join(broken)}" if broken else found.why,
    }


def figures(row: Rollout, process: Process, pairs: Sequence[Pair], found: policy.Advice) -> dict[str, Any]:
    """What a step is taken upon, for the ledger and for people.

    `ratio` is the candidate's error over Production's, between `low` and `high` in 90 of 100 paired block draws;
    `expected` are both expected errors of what waits for its truth, which decide nothing.
    """
    both = [pair for pair in pairs if None not in (pair.target, pair.value, pair.champion_value)]
    limits = policy.interval(arrays(pairs), process, rng_of(f"{row.version}/{len(pairs)}/{len(both)}"))
    error = found.findings[0]
    ratio = error.candidate / error.champion if error.candidate is not None and error.champion else None
    return {
        "pairs": len(pairs),
        "judged": len([pair for pair in pairs if pair.target is not None]),
        "ratio": ratio,
        "low": None if limits is None else limits[0],
        "high": None if limits is None else limits[1],
        "checks": [
            {
                "name": one.name,
                "candidate": one.candidate,
                "champion": one.champion,
                "evidence": one.evidence,
                "samples": one.samples,
            }
            for one in found.findings
        ],
        "expected": _expected([pair for pair in pairs if pair.target is None]),
    }


def _expected(pairs: Sequence[Pair]) -> Mapping[str, Any] | None:
    both = [(pair.expected_error, pair.champion_expected) for pair in pairs]
    both = [one for one in both if None not in one]
    if not both:
        return None
    one, other = np.mean(np.array(both, dtype=np.float64), axis=0).tolist()
    return {"candidate": one, "champion": other, "samples": len(both)}


def sync(world: World, process: str) -> None:
    """Show the registry's readers where it stands; a registry that is away is told with the next step."""
    try:
        sync_registry(world, process)
    except DQError as error:
        log.warning("%s: the registry was not told of the rollout: %s", process, error)
