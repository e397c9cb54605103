"""What the ledger holds open: nothing, a drift to adapt to, or a release to take back."""

from __future__ import annotations

from typing import Any

import numpy as np

from dq_pipeline.drift.policy import Refit, RefitDetector, Window, policy_of
from dq_pipeline.model.evaluation import window_error
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import CommittedBatch, DriftAlarm
from dq_pipeline.release import promotion
from dq_pipeline.steps import agenda, incidents, monitors, oracle, regimes, remedies
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.govern import next_due
from dq_pipeline.steps.labels import take_labels
from dq_pipeline.steps.serving import Serving, in_production, on_probation_against
from dq_pipeline.steps.step_up import advance
from dq_pipeline.steps.triage import judge, regressed

WINDOW = 25
"""Samples the policy is shown at a time; a larger micro-batch is cut."""
FULL_REFERENCE = 200
"""Samples from which the reference bins are rebuilt and the detector's budget can be promised."""


def decide(world: World, process: str) -> dict[str, Any]:
    """Take late labels in and decide what comes next for a process, from the ledger alone.

    Returns
    -------
    dict
        `branch`: "nothing", "adapt" (with `event`, `kind` and `key`), "roll_back" (with `version`) or "ask" (with `key`
        and `version` of a release that a person must approve); `why`; `promoted`, where a rollout came to its end; and
        how many `new_labels` came. `kind` is "refit" (the model), "rebuild" (model, detector and reference),
        "rereference" (detector and reference alone, the model carried over) or "reinstate" (the release of a past
        regime that is back).
    """
    serving = in_production(world, process)
    labels = take_labels(world, process)
    decided = _decided(world, serving)
    blank = dict.fromkeys(("event", "kind", "key", "version", "promoted"))
    return {**blank, "new_labels": labels["new"], **decided}


def _decided(world: World, serving: Serving) -> dict[str, Any]:
    name = serving.process.name
    worse = _failed_probation(world, serving)
    if worse is not None:
        regressed(world, serving, worse["version"], worse["why"])
        return worse
    monitors.watch(world, serving)
    incidents.look_after(world, serving)
    _follow(world, serving)
    not_to_learn = judge(world, serving)
    standing = list(world.ledger.incidents(name, standing=True))
    asked = remedies.pending(world, serving, standing)
    if asked is not None:
        return asked
    moved = advance(world, serving)
    if moved is not None:
        return moved
    if world.ledger.hold(name) is not None:
        return _nothing("adaptation is on hold since a rollback; `dq resume` lifts it")
    if not_to_learn := not_to_learn or incidents.forbids(world, name, standing):
        return _nothing(not_to_learn)
    return next_due(world, name)


def _follow(world: World, serving: Serving) -> None:
    """Show the policy every batch committed since the last time, once, and keep what it asks for.

    What is under way stays as it is; what is asked for meanwhile is joined and waits for its end.
    """
    name = serving.process.name
    policy, held = policy_of(serving.process.drift), world.ledger.hold(serving.process.name) is not None
    before = agenda.read(world, name)
    state, due, then, sequence = before.state, before.due, before.then, before.sequence
    for batch in world.ledger.committed(name, after=sequence):
        sequence = batch.sequence
        for first in range(batch.first_sample, batch.first_sample + batch.samples, WINDOW):
            until = min(first + WINDOW, batch.first_sample + batch.samples)
            window, answered = _window(world, serving.process, first, until)
            state, decisions = policy.decide(state, window)
            if serving.version not in answered:  # the error is that of a release that was replaced meanwhile
                decisions = tuple(d for d in decisions if d != Refit("error"))
            if held:
                due = then = None
            elif due is not None and due["attempts"]:
                then = _due(world, serving, batch, decisions, then)
            else:
                due = _due(world, serving, batch, decisions, due)
    if not held:
        due = due or _renewal(world, serving, sequence) or oracle.due_refit(world, serving, sequence)
        due = regimes.recall(world, serving, due, state, sequence) if sequence > before.sequence else due
    if not agenda.write(world, name, before, agenda.Agenda(sequence, state, due, then)):
        _follow(world, serving)  # an adaptation began or ended meanwhile


def _window(world: World, process: Process, first: int, until: int) -> tuple[Window, set[str]]:
    """What the samples numbered first <= number < until showed, and the releases that answered them."""
    alarms = world.ledger.drift_alarms(process.name, first_sample=first, stop_sample=until)
    judged = [
        row
        for row in world.ledger.judged(process.name, first_sample=first, stop_sample=until)
        if row.value is not None and row.fallback is None
    ]
    error: float | None = None
    if judged and not incidents.withheld_numbers(world, process.name, first, until).any():
        truth, value = np.array([row.target for row in judged]), np.array([row.value for row in judged])
        error = window_error(truth, value, process.target.task)
    window = Window(first, until, tuple(alarm.sample for alarm in alarms), error)
    return window, {row.release for row in judged}


def _due(
    world: World, serving: Serving, batch: CommittedBatch, decisions: tuple[Any, ...], due: dict[str, Any] | None
) -> dict[str, Any] | None:
    refit = next((d for d in decisions if isinstance(d, Refit)), None)
    rebuild = next((d for d in decisions if isinstance(d, RefitDetector)), None)
    if refit is None and rebuild is None:
        return due
    event = world.ledger.open_event(serving.process.name)
    if event is None and refit is not None and refit.reason == "error":
        event = world.ledger.raise_event(serving.process.name, _error_alarm(serving, batch), utc_now())
    number = None if event is None else event.id
    span = None if rebuild is None else [rebuild.first, rebuild.until]
    if due is not None:  # not done yet: one adaptation does both
        span = span or due["span"]
        model = due["kind"] != "rereference" or refit is not None
    else:
        model = refit is not None
    kind = "refit" if span is None else ("rebuild" if model else "rereference")
    why = ("the new regime has settled" if refit is None else f"refit: {refit.reason}") + (
        f", reference rebuilt from samples {span[0]} to {span[1] - 1}" if span else ""
    )
    key = f"{kind}-{number or 0}-{batch.sequence}"
    return {"key": key, "kind": kind, "event": number, "span": span, "why": why, "attempts": 0}


def _renewal(world: World, serving: Serving, sequence: int) -> dict[str, Any] | None:
    """Two hundred samples of the new regime have come: bins and budget can be what they should be.

    Only samples that this release's detector has tested: those that came while it was made may hold another change.
    """
    bundle, name = serving.bundle, serving.process.name
    if not bundle.rebuilding or bundle.reference_from is None or world.ledger.open_event(name) is not None:
        return None
    until = world.ledger.sample_count(name)
    if bundle.detector is not None:
        tested = world.ledger.detector_state(name, serving.detector_id)
        until = bundle.stream_starts_at if tested is None else tested.samples
    ill = incidents.withheld_numbers(world, name, bundle.reference_from, until)
    if len(ill) - ill.sum() < FULL_REFERENCE:
        return None
    span = [bundle.reference_from, until]
    why = f"{FULL_REFERENCE} samples of the new regime have come: reference bins renewed"
    return {
        "key": f"renew-0-{sequence}",
        "kind": "rereference",
        "event": None,
        "span": span,
        "why": why,
        "attempts": 0,
    }


def _error_alarm(serving: Serving, batch: CommittedBatch) -> DriftAlarm:
    return DriftAlarm(
        detector="error",
        release=serving.version,
        sample_id="",
        sample=batch.first_sample + batch.samples - 1,
        change_point=float(batch.first_sample),
        statistic=0.0,
        threshold=0.0,
        sensors=(),
        calibrated=False,
        evidence={"trigger": "the model's error alone"},
    )


def _failed_probation(world: World, serving: Serving) -> dict[str, Any] | None:
    replaced = on_probation_against(world, serving)
    if replaced is None:
        return None
    name, settings = serving.process.name, serving.process.promotion
    current = {r.sample_id: r for r in world.ledger.judged(name, last=settings.probation, release=serving.version)}
    shadow = world.ledger.judged(name, last=settings.probation, release=replaced.version, role="shadow")
    pairs = [(current[r.sample_id], r) for r in shadow if r.sample_id in current]
    pairs = [(a, b) for a, b in pairs if a.fallback is None and a.value is not None and b.value is not None]
    if not pairs:
        return None
    result = promotion.probation(
        np.array([a.target for a, _ in pairs]),
        np.array([a.value for a, _ in pairs], dtype=np.float64),
        np.array([b.value for _, b in pairs], dtype=np.float64),
        settings,
        np.random.default_rng(len(pairs)),
    )
    if result.passed:
        return None
    return {"branch": "roll_back", "version": replaced.version, "why": f"on probation: {result.detail}"}


def _nothing(why: str) -> dict[str, Any]:
    return {"branch": "nothing", "why": why}
