"""What the governor is told: gathered from ledger and lake, only as far as the process file asks for it."""

from __future__ import annotations

import numpy as np

from dq_pipeline.feedback.coverage import Coverage, coverage
from dq_pipeline.feedback.governor import CARRIES_MODEL, WEEK, ErrorRatio, Objection, Situation
from dq_pipeline.ports import World
from dq_pipeline.release.promise import error_ratio
from dq_pipeline.release.promotion import ENOUGH
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import agenda, incidents
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.error_estimate import error_estimate
from dq_pipeline.steps.promised import promised
from dq_pipeline.steps.serving import Serving, on_probation_against
from dq_pipeline.steps.training_data import HISTORY
from dq_pipeline.steps.trainings import trainings
from dq_pipeline.steps.watch_drift import committed_samples

WINDOW = 200
"""Newest completed samples that error and coverage are taken from."""
_FLAGS = 5000


def situation(world: World, serving: Serving, *, asked: bool = True) -> Situation:
    """Everything the triggers and objections look at; without `asked`, only what the objections do."""
    process, now = world.process(serving.process.name), utc_now()
    settings, known = process.feedback.retrain, trainings(world, process.name)
    models = [row for row in world.ledger.releases(process.name) if row.kind not in CARRIES_MODEL]
    begun = [one.began for one in known if one.kind not in CARRIES_MODEL]
    since = max([*(row.created_at for row in models), *begun], default=serving.row.created_at)
    labelled = world.ledger.labelled_since(process.name, since)
    return Situation(
        now=now,
        zone=process.sample.timezone,
        since=since,
        new_labels=len(set(labelled) - set(world.ledger.conflicts(process.name, labelled))),
        trainings=tuple(one for one in known if one.began > now - WEEK),
        error=error_seen(world, serving) if asked and settings.error is not None else None,
        coverage=_coverage(world, serving) if asked and settings.coverage is not None else None,
    )


def standing_in_the_way(world: World, serving: Serving, *, by_drift: bool) -> tuple[Objection, ...]:
    """What forbids to train, whatever the process file allows: a hold, a sensor at fault, other work, a probation.

    A drift does not wait for the end of a probation.
    """
    name, now = serving.process.name, utc_now()
    found = []
    hold, ill = world.ledger.hold(name), incidents.forbids(world, name)
    if hold is not None:
        why = f"on hold since the rollback at sample {hold.sample} ({hold.why}): until a drift that began after it is "
        found.append(Objection("hold", f"{why}found, or `dq resume {name}`; labels and time are no new evidence"))
    if ill:
        found.append(Objection("incident", ill))
    event = world.ledger.open_event(name)
    if event is not None and event.unexplained:
        found.append(Objection("cause", f"the cause of drift event {event.id} is asked for first"))
    due = agenda.read(world, name).due
    if due is not None:
        state = "under way" if agenda.under_way(due, now) else "due already"
        found.append(Objection("under_way", f"{due['key']} is {state}: {due['why']}"))
    if not by_drift and on_probation_against(world, serving) is not None:
        promoted = next(c for c in reversed(world.ledger.changes(name)) if c.action == "promote")
        left = promoted.sample + serving.process.promotion.probation - world.ledger.sample_count(name)
        found.append(Objection("probation", f"release {serving.version} is on probation for {left} more samples"))
    return tuple(found)


def error_seen(world: World, serving: Serving, last: int = WINDOW) -> ErrorRatio | None:
    """The error of the newest `last` samples over the one promised, or the one expected; None where none is known."""
    name, metric = serving.process.name, serving.process.promotion.metric
    seen = max(world.ledger.sample_count(name) - last, 0)
    rows = world.ledger.judged(name, release=serving.version, first_sample=seen)
    withheld = world.ledger.incidents(name)
    rows = [
        row
        for row in rows
        if row.fallback is None and row.value is not None and not any(one.withholds(row.sample) for one in withheld)
    ]
    promise, found = promised(world, serving, metric), None
    if promise is not None:
        truth = np.array([row.target for row in rows], dtype=np.float64)
        value = np.array([row.value for row in rows], dtype=np.float64)
        found = error_ratio(metric, truth, value, promise, rng_of(f"{name}/error/{serving.version}/{len(rows)}"))
    return found or _expected(world, name)


def _expected(world: World, process: str) -> ErrorRatio | None:
    """While too few truths have come: the mean error that is expected, by its lower limit, over that at training."""
    found = error_estimate(world, process, last=WINDOW)
    expected, low, usual = found["expected"], found["low"], found["usual"]
    if found["n_expected"] < ENOUGH or not usual or expected is None or low is None:
        return None
    count = found["n_expected"]
    return ErrorRatio(expected / usual, low / usual, expected, usual, count, 0, "mean error", estimated=True)


def _coverage(world: World, serving: Serving) -> Coverage | None:
    """Of the flagged samples among the newest ones."""
    name, rules = serving.process.name, serving.bundle.flags
    fact, stop = world.ledger.fact(name, HISTORY), world.ledger.sample_count(name)
    if rules is None or fact is None:
        return None
    window = committed_samples(world, name, max(stop - WINDOW, int(fact["stream_from"])), stop)
    if window is None:
        return None
    flagged = {row.flag.sample_id for row in world.ledger.flags(name, limit=_FLAGS)}
    chosen: SampleBatch = window.take(np.array([one in flagged for one in window.ids], dtype=np.bool_))
    if not len(chosen):
        return None
    features = serving.bundle.features.transform(chosen.head(serving.process.sample.horizon_rows))
    known = world.ledger.targets(name, chosen.ids)
    labelled = np.array([one in known for one in chosen.ids], dtype=np.bool_)
    return coverage(rules.novelty, features, chosen.ids, labelled)
