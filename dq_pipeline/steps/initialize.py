"""Initialize a process: reference bins -> annotated history -> unified score and threshold -> model and detector."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline import __version__
from dq_pipeline.drift.detector import DETECTORS
from dq_pipeline.errors import DataError, StateError
from dq_pipeline.ports import History, World
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.quality.learned import LearnedScorer
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.quality.threshold import accept, choose
from dq_pipeline.recording import assemble
from dq_pipeline.release.bundle import Release
from dq_pipeline.release.provenance import lock_hash
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import paths
from dq_pipeline.steps.adapt import fit_detector
from dq_pipeline.steps.challenger import Progress, fit_and_judge, manifest_of, rng_of, silent, store
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.history_gate import place_all
from dq_pipeline.steps.reference import (
    SCOPES,
    curated,
    curated_history,
    fit_learned,
    fit_references,
    fit_scorer,
    with_faults,
)
from dq_pipeline.steps.sweep import sweep_threshold
from dq_pipeline.steps.training_data import history
from dq_pipeline.steps.training_gate import admit, check_volume
from dq_pipeline.steps.training_version import TRAINING_BATCH, keep_version

REFERENCE_SAMPLES = 300
FITTED_SAMPLES = 2000
"""More would not change a quantile that matters, and would all be in memory at once."""
ANNOTATED, CURATION, INDEX = "annotated.json", "curation.json", "index.arrow"


def plan(world: World, process: str, *, run: str, samples: int | None = None, chunk: int = 100) -> dict[str, Any]:
    """Fit the reference bins on the first recordings of history and cut it into chunks.

    Parameters
    ----------
    run
        Names the initialization; a second attempt of the same run writes the same files.
    samples
        Recordings of history to use; the process file says how many otherwise.

    Raises
    ------
    DataError
        If fewer than 20 usable recordings are there.
    """
    settings, run = world.process(process), run_name(run)
    source = world.history(settings)
    count = min(source.count(), samples or settings.history.samples)
    batch, _ = _gate(source, settings, 0, min(count, REFERENCE_SAMPLES))
    if len(batch) < 20:
        raise DataError(f"at least 20 usable recordings of {process} expected in its history, found {len(batch)}")
    folder = paths.history(process, run)
    world.lake.put(f"{folder}/{INDEX}", source.index())
    kept = curated(settings, batch, rng_of(f"{run}/curate"))
    for scope, reference in fit_references(settings, batch.take(kept)).items():
        world.lake.put(f"{folder}/{scope}-reference.npz", reference.to_bytes())
    curation = {"of": len(batch), "dropped": int((~kept).sum())}
    world.lake.put(f"{folder}/{CURATION}", json.dumps(curation).encode())
    cuts = [{"first": first, "stop": min(first + chunk, count)} for first in range(0, count, chunk)]
    return {"run": run, "samples": count, "reference_samples": int(kept.sum()), "curation": curation, "chunks": cuts}


def annotate(world: World, process: str, *, run: str, first: int, stop: int) -> dict[str, Any]:
    """Read one chunk of history, gate it, land it, and profile it as it is and with injected faults."""
    settings, run = world.process(process), run_name(run)
    folder = f"{paths.history(process, run)}/{first:08d}-{stop:08d}"
    source = world.history(settings).indexed(world.lake.get(f"{paths.history(process, run)}/{INDEX}"))
    batch, refused = _gate(source, settings, first, stop)
    faulty = with_faults(settings, batch, rng_of(f"{run}/{first}"))
    for scope in SCOPES:
        reference = _reference(world, process, run, scope)
        for name, samples in (("clean", batch), ("faulty", faulty)):
            profiled = profile(samples.head(reference.rows), reference)
            world.lake.put(f"{folder}/{scope}-{name}.npz", profiled.write)
    uri = world.lake.put(f"{folder}/samples.npz", batch.write)
    return {"folder": folder, "uri": uri, "n": len(batch), "quarantined": refused}


def unify(world: World, process: str, *, run: str, chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Unite the five dimensions into one score, score history, and apply the threshold."""
    settings, run = world.process(process), run_name(run)
    chunks = sorted(chunks, key=lambda chunk: str(chunk["folder"]))
    folder, rng = paths.history(process, run), rng_of(f"{run}/unify")
    completion, horizon = (_reference(world, process, run, scope) for scope in ("completion", "horizon"))
    fitted = curated_history(settings, completion, *_to_fit(world, chunks, "completion"), rng)
    clean, faulty = _to_fit(world, chunks, "horizon")
    early = fit_scorer(settings, horizon, clean.take(fitted.kept), faulty.take(fitted.kept), rng)
    for scope, scorer in (("completion", fitted.scorer), ("horizon", early)):
        world.lake.put(f"{folder}/{scope}-scorer.npz", scorer.to_bytes())
    unified = _scores(world, chunks, fitted.scorer)
    curation = {
        "reference": json.loads(world.lake.get(f"{folder}/{CURATION}")),
        "history": {"of": len(fitted.kept), "dropped": fitted.dropped},
    }
    threshold, trials = _threshold(world, settings, chunks, unified)
    accepted = accept(unified, threshold)
    found, begin = [], 0
    for chunk in chunks:
        ids = SampleBatch.from_bytes(world.lake.get(chunk["uri"])).ids
        good = accepted[begin : begin + len(ids)]
        names = [name for name, kept in zip(ids, good, strict=True) if kept]
        found.append({"uri": chunk["uri"], "accepted": names, "unified": unified[begin : begin + len(ids)].tolist()})
        begin += len(ids)
    annotations = {"run": run, "chunks": found, "curation": curation, "threshold": threshold, "sweep": trials}
    world.lake.put(f"{folder}/{ANNOTATED}", json.dumps(annotations).encode())
    refused: Counter[str] = Counter()
    for chunk in chunks:
        refused.update(chunk["quarantined"])
    return {
        "run": run,
        "samples": int(begin),
        "accepted": int(accepted.sum()),
        "quarantined": dict(refused),
        "threshold": threshold,
        "sweep": trials,
        "curation": curation,
        "score_quantiles": [float(q) for q in np.quantile(unified, (0.05, 0.25, 0.5, 0.75, 0.95))],
    }


def train(world: World, process: str, *, run: str, progress: Progress = silent) -> dict[str, Any]:
    """Train the model on the recordings that pass, fit and calibrate the detector on all; leave the challenger."""
    settings, run = world.process(process), run_name(run)
    key, folder = f"initial-{run}", paths.history(process, run)
    known = annotated(world, process, run)
    past = history(world, settings, {**known, "stream_from": 0})
    admitted = admit(world, settings, past, threshold=known["threshold"], version=None)
    check_volume(settings, admitted)
    data = admitted.data
    judged = fit_and_judge(data, settings, None, key=key, since=None, progress=progress)
    batch = keep_version(world, settings, key, admitted, judged.training)
    scorers = {scope: QualityScorer.from_bytes(world.lake.get(f"{folder}/{scope}-scorer.npz")) for scope in SCOPES}
    chunks = [{"folder": str(entry["uri"]).rsplit("/", 1)[0]} for entry in known["chunks"]]
    readings = DETECTORS[settings.drift.detector].readings(_profiles(world, chunks, "completion", "clean"))
    release = Release(
        process=process,
        settings=settings.deciding(),
        features=judged.features,
        model=judged.training.model,
        horizon_scorer=scorers["horizon"],
        completion_scorer=scorers["completion"],
        detector=fit_detector(settings, readings, key=key, progress=progress),
        manifest=manifest_of(data, judged.training),
        metrics={
            **judged.metrics,
            TRAINING_BATCH: batch,
            "curation": known["curation"],
            "threshold": known["threshold"],
            "sweep": known["sweep"],
        },
        created_at=utc_now(),
        code_version=__version__,
        lock_hash=lock_hash(),
        stream_starts_at=world.ledger.sample_count(process),
        learned_scorer=_learned(settings, scorers["completion"], world, known["chunks"], rng_of(f"{key}/learned")),
        swept_threshold=known["threshold"] if settings.quality.threshold == "sweep" else None,
        **judged.beside(settings, known["threshold"], scorers["completion"]),
    )
    uri = store(world, process, key, release, judged.evidence)
    return {"key": key, "uri": uri, "kind": "initial", "event": None, "metrics": _plain(judged.metrics)}


def annotated(world: World, process: str, run: str) -> dict[str, Any]:
    """Which files hold a run's history, and which of their samples are good enough.

    Raises
    ------
    StateError
        If that run did not unify its scores.
    """
    try:
        found: dict[str, Any] = json.loads(world.lake.get(f"{paths.history(process, run)}/{ANNOTATED}"))
    except FileNotFoundError:
        raise StateError(f"initialization {run} of {process} has not annotated its history") from None
    return found


def run_name(run: str) -> str:
    """A run's id as part of a path.

    Examples
    --------
    >>> run_name("manual__2026-01-01T00:00:00+00:00")
    'manual__2026-01-01T00_00_00_00_00'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", run)


def _gate(source: History, process: Process, first: int, stop: int) -> tuple[SampleBatch, dict[str, int]]:
    placed, refused = place_all(source.read_chunk(first, stop), process)
    return assemble(placed, process, "completion"), refused


def _reference(world: World, process: str, run: str, scope: str) -> Reference:
    return Reference.from_bytes(world.lake.get(f"{paths.history(process, run)}/{scope}-reference.npz"))


def _profiles(world: World, chunks: list[dict[str, Any]], scope: str, name: str) -> Profile:
    return Profile.concat(
        [Profile.from_bytes(world.lake.get(f"{chunk['folder']}/{scope}-{name}.npz")) for chunk in chunks]
    )


def _scores(world: World, chunks: list[dict[str, Any]], scorer: QualityScorer) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Scores (n,) of all history relative to windows of neighbours; a few chunks are in memory at once."""
    scores, rest, before = [], [], None
    for number, chunk in enumerate(chunks, 1):
        rest.append(_profiles(world, [chunk], "completion", "clean"))
        held = Profile.concat(rest)
        whole = len(held) if number == len(chunks) else len(held) // scorer.window * scorer.window
        for begin in range(0, whole, scorer.window):
            window = held.take(slice(begin, min(begin + scorer.window, whole)))
            scores.append(scorer.score(window, before).unified)
            before = window
        rest = [held.take(slice(whole, None))]
    return np.concatenate(scores)


def _to_fit(world: World, chunks: list[dict[str, Any]], scope: str) -> tuple[Profile, Profile]:
    """Profiles of the oldest samples, those nearest to the reference: as they are, and with injected faults."""
    enough = [i for i in range(1, len(chunks) + 1) if sum(chunk["n"] for chunk in chunks[:i]) >= FITTED_SAMPLES]
    first = chunks[: enough[0] if enough else len(chunks)]
    clean, faulty = (
        _profiles(world, first, scope, name).take(slice(0, FITTED_SAMPLES)) for name in ("clean", "faulty")
    )
    return clean, faulty


def _threshold(
    world: World, process: Process, chunks: list[dict[str, Any]], unified: NDArray[np.float64]
) -> tuple[float, list[dict[str, float]]]:
    """The threshold that decides, and what each one was worth where it had to be found."""
    stated = process.quality.stated_threshold
    if process.quality.threshold != "sweep":
        return stated, []
    every = {"chunks": [{"uri": chunk["uri"], "accepted": []} for chunk in chunks]}
    data = history(world, process, every)
    trials = sweep_threshold(data.batch, data.target, unified, process)
    return choose(trials, otherwise=stated), [asdict(trial) for trial in trials]


def _learned(
    process: Process, direct: QualityScorer, world: World, chunks: list[dict[str, Any]], rng: np.random.Generator
) -> LearnedScorer | None:
    """The learned scorer, from the oldest samples of history that are good enough; None if it is not asked for."""
    if process.quality.scorer != "learned":
        return None
    found: list[SampleBatch] = []
    for chunk in chunks:
        batch, good = SampleBatch.from_bytes(world.lake.get(chunk["uri"])), set(chunk["accepted"])
        found.append(batch.take(np.array([name in good for name in batch.ids], np.bool_)))
        if sum(map(len, found)) >= REFERENCE_SAMPLES:
            break
    return fit_learned(process, direct, SampleBatch.concat(found), rng)


def _plain(metrics: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(metrics, default=float))
    return found
