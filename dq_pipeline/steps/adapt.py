"""Adapt to a drift beside the stream: retrain -> evaluate -> stage -> promote or reject.

Each may run twice, and at once with another attempt, and finds its own work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline import __version__
from dq_pipeline.drift.detector import DETECTORS, Detector
from dq_pipeline.errors import DataError, StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.release.bundle import Release
from dq_pipeline.release.promotion import Evidence
from dq_pipeline.release.provenance import lock_hash
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import agenda, oracle, regimes
from dq_pipeline.steps.challenger import (
    Progress,
    declare,
    fit_and_judge,
    is_built,
    leave,
    manifest_of,
    rng_of,
    silent,
)
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.decide import FULL_REFERENCE
from dq_pipeline.steps.incidents import withheld_numbers
from dq_pipeline.steps.promote import promote, reject
from dq_pipeline.steps.reference import fit_learned, fit_scorers
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.steps.staging import evaluate, stage
from dq_pipeline.steps.training_gate import Admitted, admit_next, check_volume, shortage
from dq_pipeline.steps.training_version import TRAINING_BATCH, keep_version
from dq_pipeline.steps.trainings import record
from dq_pipeline.steps.watch_drift import committed_samples

log = logging.getLogger(__name__)


def retrain(world: World, process: str, *, holder: str, progress: Progress = silent) -> dict[str, Any]:
    """Take up the adaptation that is due, build its challenger and leave it in the lake.

    Runs beside the stream. Whoever builds holds it by a lease; one that lost its lease to another attempt leaves
    nothing behind that counts.

    Parameters
    ----------
    holder
        Names the run; the same one may come back to what it began.

    Returns
    -------
    dict
        `key`, `kind` and `event`; `key` is None, and `why` says why, where there is nothing to do for this run. `kind`
        is "refit": the model; "rebuild": model, detector and reference; "rereference": detector and reference;
        "reinstate": the release of a past regime.

    Raises
    ------
    DataError
        If too few labelled samples of good quality have come.
    """
    if world.ledger.hold(process) is not None:
        return _idle("adaptation is on hold since a rollback")
    due = agenda.begin(world, process, holder)
    if isinstance(due, str):
        return _idle(due)
    done = {"key": due["key"], "kind": due["kind"], "event": due["event"], "why": due["why"]}
    if is_built(world, process, due["key"]):
        return done
    try:
        with _kept(world, process, due):
            release, evidence, over = _build(world, process, due, progress)
            folder = leave(world, process, due["key"], due["attempts"], release, evidence)
    except BaseException:
        agenda.let_go(world, process, holder)
        raise
    if not agenda.renew(world, process, due["key"], due["attempts"]):
        return _idle(f"{due['key']} is no longer due, or another attempt has begun")
    declare(world, process, due["key"], folder, kind=due["kind"], event=due["event"], over=over)
    return done


def _build(world: World, process: str, due: agenda.Due, progress: Progress) -> tuple[Release, Evidence | None, str]:
    """The challenger that is due, what it is to be judged by, and the release it is built against."""
    key, kind, span = due["key"], due["kind"], due["span"]
    if kind == "reinstate":
        return regimes.reinstated(world, process, due)
    serving = in_production(world, process)
    settings = _settings(world.process(process), serving)
    since = span[0] if span else _change(world, process)
    release, evidence = replace(serving.bundle, settings=settings.deciding(), created_at=utc_now(), trace=None), None
    admitted = None if kind == "rereference" else _admitted(world, settings, serving, span)
    if admitted is not None:
        data = admitted.data
        judged = fit_and_judge(data, settings, serving.bundle, key=key, since=since, progress=progress)
        batch = keep_version(world, settings, key, admitted, judged.training)
        evidence = judged.evidence
        release = replace(
            release,
            features=judged.features,
            model=judged.training.model,
            manifest=manifest_of(data, judged.training),
            metrics=judged.metrics | {TRAINING_BATCH: batch},
            code_version=__version__,
            lock_hash=lock_hash(),
            **judged.beside(settings, release.threshold, release.completion_scorer),
        )
    if span:
        if admitted is None:  # the model's errors in another regime are not what was usual of them
            release = replace(release, forward_errors=None)
        release = _new_reference(world, settings, serving, release, span, key, progress)
    elif kind == "rereference":
        release = replace(release, learned_scorer=oracle.refitted(world, serving, rng_of(f"{key}/learned")))
    elif since is not None:
        release = replace(release, reference_from=since, rebuilding=True)
    return release, evidence, serving.version


def _admitted(world: World, settings: Process, serving: Serving, span: list[int] | None) -> Admitted | None:
    """What may be learned from; None where a new reference is due as well, and there is too little for the model: it
    is carried over."""
    admitted = admit_next(world, settings, serving)
    if span and (why := shortage(settings, admitted)):
        log.warning("the new reference goes with the old model: %s", why)
        return None
    check_volume(settings, admitted)
    return admitted


def adapt(
    world: World,
    process: str,
    *,
    holder: str,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """All of it, as the DAG `<process>_adaptation` does it: retrain, evaluate, stage and promote, or reject."""
    made = retrain(world, process, holder=holder, progress=progress)
    if made["key"] is None:
        say(made["why"])
        return made
    judged = evaluate(world, process, key=made["key"])
    if not judged["passed"]:
        say(f"challenger rejected: {judged['why']}")
        return made | reject(world, process, key=made["key"], why=judged["why"])
    staged = stage(world, process, key=made["key"])
    if staged["rollout"] is not None:
        say(f"release {staged['version']} is in {staged['rollout']}; `dq rollout {process}`")
        return made | staged
    if world.process(process).promotion.approval == "human":
        say(f"release {staged['version']} waits for `dq promote {process} {staged['version']}`")
        return made | staged
    promoted = promote(world, process, key=made["key"])
    say(promoted["refused"] or f"release {promoted['version']} is in Production")
    return made | promoted


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
    samples = samples.take(~withheld_numbers(world, process.name, first, first + len(samples)))
    horizon, completion, rebuilding = serving.horizon_scorer, serving.completion_scorer, True
    learned = serving.bundle.learned_scorer
    if len(samples) >= FULL_REFERENCE:
        scorers = fit_scorers(process, _curated(world, process, samples), rng_of(f"{key}/quality"))
        horizon, completion = scorers["horizon"], scorers["completion"]
        learned, rebuilding = fit_learned(process, completion, samples, rng_of(f"{key}/learned")), False
    profiles = profile(samples.head(completion.reference.rows), completion.reference)
    found = DETECTORS[process.drift.detector].readings(profiles)
    return replace(
        release,
        horizon_scorer=horizon,
        completion_scorer=completion,
        learned_scorer=learned,
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


@contextmanager
def _kept(world: World, process: str, due: agenda.Due) -> Iterator[None]:
    """Renew the lease from a thread while this goes on, however long one step of it takes, and count its seconds."""
    ended, began, clock = threading.Event(), utc_now(), time.monotonic()

    def count() -> None:
        record(world, process, due, began, time.monotonic() - clock)

    def renew() -> None:
        while not ended.wait(agenda.LEASE_S / 4):
            try:
                agenda.renew(world, process, due["key"], due["attempts"])
                count()
            except Exception:
                log.warning("%s: the lease of %s could not be renewed", process, due["key"], exc_info=True)

    count()
    thread = threading.Thread(target=renew, name=f"dq-lease-{process}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        count()


def _idle(why: str) -> dict[str, Any]:
    return {"key": None, "kind": None, "event": None, "why": why}


def _settings(now: Process, serving: Serving) -> Process:
    """The file as it is now decides the next release, unless only a new initialization could follow it."""
    same = now.sample == serving.process.sample and now.target == serving.process.target
    return now if same and now.sensor_names == serving.process.sensor_names else serving.process


def _change(world: World, process: str) -> int | None:
    event = world.ledger.open_event(process)
    return None if event is None else max(int(event.change_point), 0)
