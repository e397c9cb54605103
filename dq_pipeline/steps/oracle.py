"""The learned scorer at work, the oracle that watches over it, and what is due when the two disagree."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.ports import World
from dq_pipeline.quality.learned import LearnedScorer
from dq_pipeline.quality.oracle import LEAST, chosen, disagreement
from dq_pipeline.quality.scorer import Scores
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.reference import fit_learned
from dq_pipeline.steps.serving import Serving, has_form

FILE = "oracle.json"
"""Both scores of the re-scored samples of a micro-batch, in the folder of its assessment."""
LOOKED_BACK = 200
"""Newest micro-batches in which re-scored samples are looked for."""
SHOWN = 200
"""Newest samples that the learned scorer is fitted anew on."""


def with_learned(
    world: World, serving: Serving, batch: SampleBatch, scores: Scores
) -> tuple[Scores, dict[str, Any] | None]:
    """Unified scores by the learned scorer, but for the share that the oracle re-scores; and both scores of these.

    The scores come back as they are, and None, where the release has no learned scorer or does not ask for it.
    """
    learned, quality = serving.bundle.learned_scorer, serving.process.quality
    if learned is None or quality.scorer != "learned" or not len(batch):
        return scores, None
    reference = serving.completion_scorer.reference
    trailing = _before(world, serving, learned.window - len(batch))
    said = learned.score(batch.head(reference.rows), reference, trailing)
    again = chosen(batch.ids, quality.oracle_share)
    beside = {
        "scorer": _name(serving),
        "direct": scores.unified[again].tolist(),
        "learned": said[again].tolist(),
    }
    return replace(scores, unified=np.where(again, scores.unified, said)), beside


def write(world: World, folder: str, beside: dict[str, Any] | None) -> None:
    """Leave both scores beside a micro-batch's assessment."""
    if beside is not None:
        world.lake.put(f"{folder}/{FILE}", json.dumps(beside).encode())


def due_refit(world: World, serving: Serving, sequence: int) -> dict[str, Any] | None:
    """The learned scorer is to be fitted anew: it and the direct one disagree beyond the tolerance.

    A "rereference" without a span: bins, detector and model are carried over.
    """
    found = disagreeing(world, serving)
    if found is None or found <= serving.process.quality.oracle_tolerance:
        return None
    return refit(sequence, f"learned and direct scores disagree by {found:.3f}")


def disagreeing(world: World, serving: Serving) -> float | None:
    """By how much the learned scorer in use and the direct one differ; None where there is none, or too little."""
    if serving.bundle.learned_scorer is None or serving.process.quality.scorer != "learned":
        return None
    return disagreement(*_beside(world, serving))


def refit(sequence: int, why: str) -> dict[str, Any]:
    """The learned scorer fitted anew, as what is due after the batch of this sequence."""
    key = f"rescore-0-{sequence}"
    return {"key": key, "kind": "rereference", "event": None, "span": None, "why": why, "attempts": 0}


def refitted(world: World, serving: Serving, rng: np.random.Generator) -> LearnedScorer | None:
    """A learned scorer from the newest recordings that are good enough; the one in use if they are too few."""
    samples = _newest(world, serving, SHOWN)
    if samples is None:
        return serving.bundle.learned_scorer
    scores = world.ledger.scores(serving.process.name, samples.ids)
    good = samples.take(np.array([scores.get(name, (None, False))[1] for name in samples.ids], np.bool_))
    if len(good) < serving.completion_scorer.window:
        return serving.bundle.learned_scorer
    return fit_learned(serving.process, serving.completion_scorer, good, rng)


def _beside(world: World, serving: Serving) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The newest re-scored samples of the learned scorer in use, by both."""
    direct: list[float] = []
    learned: list[float] = []
    for batch in reversed(world.ledger.committed(serving.process.name, last=LOOKED_BACK)):
        if len(direct) >= LEAST:
            break
        if not batch.samples:
            continue
        uri = f"{batch.uri}/{FILE}"
        if not world.lake.exists(uri):
            break
        beside = json.loads(world.lake.get(uri))
        if beside["scorer"] != _name(serving):
            break
        direct += beside["direct"]
        learned += beside["learned"]
    return np.array(direct, dtype=np.float64), np.array(learned, dtype=np.float64)


def _before(world: World, serving: Serving, wanted: int) -> SampleBatch | None:
    return None if wanted <= 0 else _newest(world, serving, wanted, rows=serving.completion_scorer.reference.rows)


def _newest(world: World, serving: Serving, wanted: int, rows: int | None = None) -> SampleBatch | None:
    found: list[SampleBatch] = []
    for batch in reversed(world.ledger.committed(serving.process.name, last=max(wanted, 1))):
        if not batch.samples:
            continue
        samples = SampleBatch.from_bytes(world.lake.get(f"{batch.uri}/samples.npz"))
        if not has_form(samples, serving.process):
            break
        found.append(samples if rows is None else samples.head(rows))
        wanted -= len(samples)
        if wanted <= 0:
            break
    return SampleBatch.concat(found[::-1]) if found else None


def _name(serving: Serving) -> str:
    learned = serving.bundle.learned_scorer
    return "" if learned is None else learned.name
