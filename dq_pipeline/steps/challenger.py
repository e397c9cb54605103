"""Build a challenger: a model judged on the newest labelled block, and everything else a release holds."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError, StateError
from dq_pipeline.model.evaluation import evaluate
from dq_pipeline.model.features import Features
from dq_pipeline.model.inference import Model
from dq_pipeline.model.training import Training, train
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.release.bundle import Release, TrainingBatch, ids_hash
from dq_pipeline.release.evidence import evidence_to_bytes
from dq_pipeline.release.forward import ForwardErrors
from dq_pipeline.release.parity import Trace, traced
from dq_pipeline.release.promotion import Evidence
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import error_model, flag_rules, paths
from dq_pipeline.steps.serving import has_form
from dq_pipeline.steps.training_data import TrainingData

Progress = Callable[[int, int, str], None]
BUILT = "built.json"


def silent(_done: int, _total: int, _what: str) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A model fitted on everything, and the evidence that its recipe gave without the newest block."""

    features: Features
    training: Training
    evidence: Evidence
    metrics: dict[str, Any]
    learned: TrainingData
    scores: NDArray[np.float64]
    """Of all that it could learn from, good enough or not."""
    began: int | None = None
    """Number of the first sample of its regime; None where no change is known."""

    def beside(self, process: Process, threshold: float, scorer: QualityScorer | None) -> dict[str, Any]:
        """What goes with the model in a release: `flags`, `error_model` and `forward_errors`; None where too few."""
        matrix, learned = self.features.transform(self.learned.batch), self.learned
        injected = np.empty(0) if scorer is None else scorer.injected
        scores = flag_rules.Scored(learned.unified, self.scores, injected, threshold)
        return {
            "flags": flag_rules.fitted(process, self.features, matrix, self.training, learned.target, scores),
            "error_model": error_model.fitted(process, self.features, matrix, self.training, learned.target),
            "forward_errors": self._forward(),
        }

    def _forward(self) -> ForwardErrors | None:
        """Errors of before the change are not what is usual since."""
        held = self.training.calibrated
        error = self.learned.target[held] - self.training.forward
        own = error if self.began is None else error[self.learned.number[held] >= self.began]
        return ForwardErrors(own) if len(own) else None


def rng_of(key: str) -> np.random.Generator:
    """Random numbers that a second attempt at the same work draws again."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))


def block_size(data: TrainingData, since: int | None) -> int:
    """Samples of the newest labelled block that the challenger is judged on.

    A third of what the new regime has labelled, so that the rest can be learned from; a fifth of everything where no
    change is known. 5 to 50.
    """
    learnable = data.learnable
    known = int(learnable.sum())
    count = known // 5 if since is None else int((learnable & (data.number >= since)).sum()) // 3
    return int(np.clip(count, 5, min(50, max(known // 3, 5))))


def _unseen(data: TrainingData, champion: Release | None) -> int | None:
    """Samples newer than any that the champion has learned from; None where it does not say which those are.

    On what it has learned from it would look better than it is.
    """
    learned = [] if champion is None else [np.datetime64(one.last.removesuffix("Z")) for one in champion.manifest]
    return int((data.batch.start > max(learned)).sum()) if learned else None


def fit_and_judge(
    data: TrainingData,
    process: Process,
    champion: Release | None,
    *,
    key: str,
    since: int | None,
    progress: Progress = silent,
) -> Judged:
    """Train without the newest labelled block, judge on it, then fit the same recipe on everything.

    What is promoted has seen the block: after a change the newest samples matter most. What the gates judge has not.

    Parameters
    ----------
    champion
        What answers now; None for a first release.
    since
        Number of the first sample of the new regime, None if no change is known.

    Raises
    ------
    DataError
        If too few samples are good enough and labelled.
    """
    chosen = data.take(np.flatnonzero(data.learnable))
    if len(chosen) < process.model.min_samples:
        raise DataError(
            f"at least {process.model.min_samples} labelled samples of good quality expected (model.min_samples), "
            f"found {len(chosen)} of {len(data)}; wait for more labels or lower quality.threshold"
        )
    size, unseen = block_size(data, since), _unseen(chosen, champion)
    if since is None and unseen is not None:
        size = max(min(size, unseen), 5)
    older, block = chosen.take(np.arange(len(chosen) - size)), chosen.take(np.arange(len(chosen) - size, len(chosen)))
    rng = rng_of(key)
    features = Features.fit(older.batch, process.sample.horizon_rows)
    first = train(
        features.transform(older.batch),
        older.target,
        process,
        feature_names=features.names,
        rng=rng,
        progress=progress,
        clock=time.monotonic,
    )
    before = float(older.target[-1])
    evidence, metrics = judge(features, first.model, block, champion, process, before, data)
    final = Features.fit(chosen.batch, process.sample.horizon_rows)
    training = train(
        final.transform(chosen.batch),
        chosen.target,
        process,
        feature_names=final.names,
        rng=rng_of(key),
        candidate=first.candidate,
        progress=progress,
    )
    metrics |= {
        "trained_on": len(training.used),
        "implausible_labels": training.implausible,
        "recipe": dict(training.candidate),
    }
    began = since if since is not None or champion is None else champion.reference_from
    return Judged(final, training, evidence, metrics, chosen, data.unified, began)


def judge(
    features: Features,
    model: Model,
    block: TrainingData,
    champion: Release | None,
    process: Process,
    before: float,
    data: TrainingData,
) -> tuple[Evidence, dict[str, Any]]:
    """What the gates are asked about a model, and its figures, on a block it has not seen.

    Parameters
    ----------
    before
        The label known before the block.
    data
        All that could be learned from: of it the share that is good enough is taken.
    """
    began = time.perf_counter()
    said = model.predict(features.transform(block.batch))
    latency_ms = (time.perf_counter() - began) * 1000.0 / max(len(block), 1)
    rival = None if champion is None else champion.predict(block.batch)
    task = process.target.task
    found = evaluate(block.target, said, task, before=before)
    metrics: dict[str, Any] = {
        **{name: float(value) for name, value in found.metrics.items()},
        "coverage": float(found.coverage),
        "judged_on": len(block),
        "last_value": {name: float(value) for name, value in found.last_value.items()},
    }
    if rival is not None:
        theirs = evaluate(block.target, rival, task, before=before)
        metrics["champion"] = {name: float(value) for name, value in theirs.metrics.items()}
    labelled = np.isfinite(data.target)
    evidence = Evidence(
        truth=block.target,
        challenger=said.value,
        champion=None if rival is None else rival.value,
        covered=said.covers(block.target),
        coverage=process.model.coverage,
        retained=float(data.accepted[labelled].mean()) if labelled.any() else 0.0,
        latency_ms=latency_ms,
    )
    return evidence, metrics


def manifest_of(data: TrainingData, training: Training) -> tuple[TrainingBatch, ...]:
    """Which samples of which files the model was fitted on, and what they counted for."""
    chosen = np.flatnonzero(data.learnable)[training.used]
    weights = dict(zip(chosen.tolist(), training.weights.tolist(), strict=True))
    rows = []
    for entry in data.manifest:
        of_entry = (entry["first"] <= data.number) & (data.number < entry["first"] + len(entry["ids"]))
        index = [i for i in np.flatnonzero(of_entry).tolist() if i in weights]
        if index:
            starts = data.batch.start[index]
            rows.append(
                TrainingBatch(
                    batch=entry["batch"],
                    uri=entry["uri"],
                    samples=len(index),
                    ids_hash=ids_hash(tuple(data.batch.ids[i] for i in index)),
                    first=f"{starts.min()}Z",
                    last=f"{starts.max()}Z",
                    weight_oldest=weights[index[0]],
                    weight_newest=weights[index[-1]],
                )
            )
    return tuple(rows)


def store(world: World, process: str, key: str, release: Release, evidence: Evidence | None) -> str:
    """Put a first release and what it is to be judged by into the lake; returns the folder's URI."""
    folder = leave(world, process, key, 0, release, evidence)
    return declare(world, process, key, folder, kind="initial", event=None, over=None)


def leave(world: World, process: str, key: str, attempt: int, release: Release, evidence: Evidence | None) -> str:
    """Put what an attempt made, and what it is to be judged by, into a folder of its own; returns the folder."""
    folder = f"{paths.challenger(process, key)}/{attempt}"
    if release.trace is None:
        release = replace(release, trace=_trace(world, release))
    with tempfile.TemporaryDirectory() as scratch:
        release.save(Path(scratch) / "release")
        world.lake.put_folder(f"{folder}/release", Path(scratch) / "release")
    world.lake.put(f"{folder}/evidence.npz", evidence_to_bytes(evidence))
    return folder


def _trace(world: World, release: Release) -> Trace | None:
    """Over the newest recordings that the model learned from."""
    if not release.manifest or not world.lake.exists(release.manifest[-1].uri):
        return None
    samples = SampleBatch.from_bytes(world.lake.get(release.manifest[-1].uri))
    return traced(release, samples) if has_form(samples, release.governs(world.process(release.process))) else None


def declare(
    world: World, process: str, key: str, folder: str, *, kind: str, event: int | None, over: str | None
) -> str:
    """Say which folder is the challenger, and which release it was built against; returns the URI of that."""
    about = {"folder": folder, "kind": kind, "event": event, "over": over}
    return world.lake.put(f"{paths.challenger(process, key)}/{BUILT}", json.dumps(about).encode())


def is_built(world: World, process: str, key: str) -> bool:
    """Whether an attempt declared what it made."""
    return world.lake.exists(f"{paths.challenger(process, key)}/{BUILT}")


def built(world: World, process: str, key: str) -> dict[str, Any]:
    """What :func:`declare` said: `folder`, `kind`, `event`, and `over`, the release in Production then.

    Raises
    ------
    StateError
        If no attempt came so far.
    """
    try:
        found: dict[str, Any] = json.loads(world.lake.get(f"{paths.challenger(process, key)}/{BUILT}"))
    except FileNotFoundError:
        raise StateError(f"challenger {key} of {process} expected in the lake, found none; build it first") from None
    return found
