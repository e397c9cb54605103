"""Adapt to a drift: retrain -> evaluate -> stage -> promote or reject. Each may run twice and finds its own work."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline import __version__
from dq_pipeline.drift.detector import DETECTORS, Detector
from dq_pipeline.errors import DataError, StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.records import EventState, Notice, ReleaseRow
from dq_pipeline.release import promotion
from dq_pipeline.release.bundle import Release
from dq_pipeline.release.provenance import lock_hash
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import agenda, paths
from dq_pipeline.steps.challenger import (
    Progress,
    evidence_from_bytes,
    fetch,
    fit_and_judge,
    manifest_of,
    rng_of,
    silent,
    store,
)
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.decide import FULL_REFERENCE
from dq_pipeline.steps.reference import fit_scorers
from dq_pipeline.steps.rollback import sync_registry
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.steps.training_data import HISTORY, training_data
from dq_pipeline.steps.watch_drift import committed_samples


def retrain(world: World, process: str, *, event: int | None, kind: str, progress: Progress = silent) -> dict[str, Any]:
    """Build the challenger that is due and leave it in the lake.

    Parameters
    ----------
    kind
        "refit": the model; "rebuild": model, detector and reference; "rereference": detector and reference.

    Raises
    ------
    StateError
        If nothing of that kind is due.
    DataError
        If too few labelled samples of good quality have come.
    """
    due = agenda.read(world, process).due
    if due is None or due["kind"] != kind or due["event"] != event:
        raise StateError(f"no {kind} is due for event {event} of {process}; found {due and due['key']}")
    key = due["key"]
    done = {"key": key, "kind": kind, "event": event}
    if world.lake.exists(f"{paths.challenger(process, key)}/evidence.npz"):
        return done
    agenda.count_attempt(world, process, key)
    serving = in_production(world, process)
    settings = _settings(world.process(process), serving)
    since = due["span"][0] if due["span"] else _change(world, process)
    release, evidence = replace(serving.bundle, settings=settings.deciding(), created_at=utc_now()), None
    if kind != "rereference":
        data = training_data(world, settings)
        judged = fit_and_judge(data, settings, serving.bundle, key=key, since=since, progress=progress)
        evidence = judged.evidence
        release = replace(
            release,
            features=judged.features,
            model=judged.training.model,
            manifest=manifest_of(data, judged.training),
            metrics=judged.metrics,
            code_version=__version__,
            lock_hash=lock_hash(),
        )
    if due["span"]:
        release = _new_reference(world, settings, serving, release, due["span"], key, progress)
    else:
        release = replace(release, reference_from=since, rebuilding=True)
    store(world, process, key, release, evidence)
    return done


def evaluate(world: World, process: str, *, key: str) -> dict[str, Any]:
    """Ask every gate; `passed` says whether the challenger may be promoted. A carried model was judged before."""
    folder = paths.challenger(process, key)
    evidence = evidence_from_bytes(world.lake.get(f"{folder}/evidence.npz"))
    gates = () if evidence is None else promotion.assess(evidence, world.process(process).promotion, rng_of(key))
    verdict = promotion.decide(gates)
    report = {"key": key, "passed": verdict.promote, "why": verdict.reason, "gates": [asdict(gate) for gate in gates]}
    world.lake.put(f"{folder}/gates.json", json.dumps(report).encode())
    return report


def stage(world: World, process: str, *, key: str) -> dict[str, Any]:
    """Register the challenger and put it into Staging."""
    kind, event = _kind_and_event(world, process, key)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "release"
        release = fetch(world, process, key, folder)
        metrics = {name: float(v) for name, v in release.metrics.items() if isinstance(v, int | float)}
        settings = release.governs(world.process(process)).settings_hash()
        tags = {"kind": kind, "event": str(event or ""), "settings": settings}
        version, run_id = world.registry.log_release(process, folder, key=key, metrics=metrics, tags=tags)
    row = world.ledger.add_release(
        ReleaseRow(
            process=process,
            version=version,
            run_id=run_id,
            stage="None",
            key=key,
            event=event,
            kind=kind,
            metrics=metrics,
            samples=sum(batch.samples for batch in release.manifest),
            created_at=release.created_at,
            settings_hash=tags["settings"],
        )
    )
    world.ledger.configuration(process, tags["settings"], dict(release.settings), utc_now())
    if row.stage == "None":
        world.ledger.move_release(process, version, "stage", who="dq", why=f"challenger {key}", now=utc_now())
    sync_registry(world, process)
    return {"key": key, "version": version}


def promote(world: World, process: str, *, key: str, who: str = "dq", why: str = "") -> dict[str, Any]:
    """Put the staged release into Production and close what led to it.

    Raises
    ------
    StateError
        If it was never staged.
    """
    row = _staged(world, process, key)
    why = why or f"every gate passed for {key}"
    change = world.ledger.move_release(process, row.version, "promote", who=who, why=why, now=utc_now())
    sync_registry(world, process)
    if row.event is not None:
        state = EventState.REBUILDING if row.kind == "refit" else EventState.CLOSED
        world.ledger.move_event(row.event, state, outcome=f"release {row.version} promoted")
    if row.kind == "initial":
        _begin_anew(world, process, key)
    agenda.settle(world, process, key)
    world.notifier.notify(
        Notice(
            process, "info", f"{process}: release {row.version} is in Production", f"{why}; before: {change.previous}"
        )
    )
    return {"version": row.version, "previous": change.previous, "event": row.event}


def reject(world: World, process: str, *, key: str, why: str) -> dict[str, Any]:
    """Let a challenger go; the release in Production stays. A new reference that was due is still made."""
    row = world.ledger.release_by_key(process, key)
    if row is not None:
        world.ledger.move_release(process, row.version, "reject", who="dq", why=why, now=utc_now())
        sync_registry(world, process)
    due = agenda.read(world, process).due
    then = None
    if due is not None and due["key"] == key:
        if due["kind"] == "rebuild":
            then = {**due, "kind": "rereference", "key": f"rereference-{key}", "attempts": 0}
        elif due["event"] is not None:
            world.ledger.move_event(due["event"], EventState.REBUILDING, outcome=f"challenger rejected: {why}")
        agenda.settle(world, process, key, then=then)
    world.notifier.notify(Notice(process, "warning", f"{process}: challenger {key} rejected", why))
    return {"key": key, "why": why}


def fit_detector(
    process: Process, readings: NDArray[np.float64], *, key: str, progress: Progress = silent
) -> Detector[Any] | None:
    """Fit the drift detector the process file names on its readings (N, c, f); None if the samples are too few."""
    try:
        return DETECTORS[process.drift.detector].fit_as(
            process.drift,
            readings,
            rng=rng_of(f"{key}/detector"),
            progress=lambda done, total: progress(done, total, "calibrate the drift detector"),
        )
    except DataError:
        return None


def _new_reference(
    world: World,
    process: Process,
    serving: Serving,
    release: Release,
    span: list[int],
    key: str,
    progress: Progress,
) -> Release:
    """Detector, and from 200 samples on the quality bins, from the samples first <= number < until."""
    first, until = span
    samples = committed_samples(world, process.name, first, until)
    if samples is None:
        raise StateError(f"no samples numbered {first} to {until - 1} of {process.name} are in the lake")
    horizon, completion, rebuilding = serving.horizon_scorer, serving.completion_scorer, True
    if len(samples) >= FULL_REFERENCE:
        scorers = fit_scorers(process, _curated(world, process, samples), rng_of(f"{key}/quality"))
        horizon, completion = scorers["horizon"], scorers["completion"]
        rebuilding = False
    profiles = profile(samples.head(completion.reference.rows), completion.reference)
    found = DETECTORS[process.drift.detector].readings(profiles)
    return replace(
        release,
        horizon_scorer=horizon,
        completion_scorer=completion,
        detector=fit_detector(process, found, key=key, progress=progress),
        stream_starts_at=until,
        reference_from=first,
        rebuilding=rebuilding,
    )


def _curated(world: World, process: Process, samples: SampleBatch) -> SampleBatch:
    """Without the rejected samples and the lowest decile of the score: what the new bins are made of."""
    scores = world.ledger.scores(process.name, samples.ids)
    unified = np.array([scores.get(name, (None, False))[0] or 0.0 for name in samples.ids])
    accepted = np.array([scores.get(name, (None, False))[1] for name in samples.ids])
    kept = accepted & (unified >= np.quantile(unified, 0.1))
    return samples.take(kept) if kept.sum() >= FULL_REFERENCE // 2 else samples


def _begin_anew(world: World, process: str, key: str) -> None:
    """An initialization starts the process afresh: its history is the one to learn from, open events are over."""
    run, now = key.removeprefix("initial-"), utc_now()
    fact = json.loads(world.lake.get(f"{paths.history(process, run)}/annotated.json"))
    known = world.ledger.fact(process, HISTORY)
    if known is not None and known["run"] == run:
        return
    event = world.ledger.open_event(process)
    if event is not None:
        world.ledger.move_event(event.id, EventState.CLOSED, outcome="initialized anew")
    if world.ledger.hold(process) is not None:
        world.ledger.resume(process, who="dq", why="initialized anew", now=now)
    agenda.start_afresh(world, process)
    world.ledger.put_fact(process, HISTORY, {**fact, "stream_from": world.ledger.sample_count(process)}, now)


def _settings(now: Process, serving: Serving) -> Process:
    """The file as it is now decides the next release, unless only a new initialization could follow it."""
    same = now.sample == serving.process.sample and now.target == serving.process.target
    return now if same and now.sensor_names == serving.process.sensor_names else serving.process


def _change(world: World, process: str) -> int | None:
    event = world.ledger.open_event(process)
    return None if event is None else max(int(event.change_point), 0)


def _kind_and_event(world: World, process: str, key: str) -> tuple[str, int | None]:
    due = agenda.read(world, process).due
    if due is not None and due["key"] == key:
        return due["kind"], due["event"]
    row = world.ledger.release_by_key(process, key)
    return (row.kind, row.event) if row is not None else (key.split("-")[0], None)


def _staged(world: World, process: str, key: str) -> ReleaseRow:
    row = world.ledger.release_by_key(process, key)
    if row is None:
        raise StateError(f"challenger {key} of {process} was never staged")
    return row
