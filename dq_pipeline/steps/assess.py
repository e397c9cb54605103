"""One pass over a landed micro-batch: gate, profile, quality, drift, prediction. Decides all, commits nothing."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import StateError
from dq_pipeline.log_context import note
from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile, profile_in_parts
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.quality.scorer import Scores
from dq_pipeline.quality.threshold import accept
from dq_pipeline.records import ACTING, BatchOutcome, BatchState, Claim, Flag, SampleScore, TargetRow
from dq_pipeline.samples import SampleBatch, Scope, TurnBack
from dq_pipeline.steps import landing, oracle, outcome, paths
from dq_pipeline.steps.answer import Answers, answer
from dq_pipeline.steps.beyond import beyond_interval
from dq_pipeline.steps.candidates import candidates
from dq_pipeline.steps.clock import as_datetime, as_moment, moment_of, utc_now
from dq_pipeline.steps.delivered import lost_of
from dq_pipeline.steps.gate import Gated, decode_all, sort_out
from dq_pipeline.steps.held import Held
from dq_pipeline.steps.serving import Serving, in_production
from dq_pipeline.steps.trailing import trailing, wanted
from dq_pipeline.steps.watch_drift import watch_drift

_THREADS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Samples of one scope with their profiles, scores and whether they are good enough."""

    batch: SampleBatch
    profile: Profile
    scores: Scores
    accepted: NDArray[np.bool_]
    beside: dict[str, Any] | None = None
    """What the learned scorer said of the samples that the direct one re-scored."""


def assess(world: World, process: str, *, batch_id: str, holder: str, held: Held | None = None) -> dict[str, Any]:
    """Assess a landed micro-batch and leave the outcome in the lake; `act` commits it.

    Everything here is derived from the landed bytes, the release in Production and what earlier batches committed, so
    a second attempt finds the same.

    Parameters
    ----------
    held
        What the same run's pull decoded already.

    Raises
    ------
    StateError
        If the batch was not landed, or there is no release.
    LostClaimError
        If another run holds the batch.
    """
    note(dq_batch=batch_id)
    settings = world.process(process).stream
    claim = world.ledger.take(process, batch_id, holder=holder, lease_s=settings.lease_s, now=utc_now())
    if claim.state is BatchState.CLAIMED or claim.uri is None:
        raise StateError(f"batch {batch_id} of {process} is {claim.state}; it must be landed before it is assessed")
    if claim.state is not BatchState.LANDED:  # assessed or committed by an earlier attempt
        return _report(batch_id, outcome.read(world, claim))
    serving = in_production(world, process)
    note(dq_release=serving.version)
    decided = _assess(world, serving, claim, held)
    uri = world.lake.put(f"{decided.assessed_uri}/{outcome.FILE}", outcome.to_bytes(decided))
    world.ledger.mark_assessed(claim, uri, utc_now())
    return _report(batch_id, decided)


def _assess(world: World, serving: Serving, claim: Claim, held: Held | None) -> BatchOutcome:
    process = serving.process
    if claim.uri is None:
        raise StateError(f"batch {claim.batch_id} of {process.name} has no landed messages")

    def seen(scope: Scope, ids: Any) -> set[str]:
        return world.ledger.seen(process.name, scope, ids, except_batch=claim.batch_id)

    decoded = None if held is None else held.take(claim.uri, process)
    if decoded is None:
        decoded = decode_all(landing.from_bytes(world.lake.get(claim.uri)), process, as_moment(utc_now()))
    gated = sort_out(decoded, process, seen)
    folder = paths.assessed(process.name, claim.batch_id, claim.fence)
    # the lake keeps what was read, and says beside it what was turned back
    turn_back = _corrections(world, claim)
    as_read = gated.completions
    gated = _turned_back(gated, turn_back)
    # files are written, and horizons answered, while the completed samples are scored
    with ThreadPoolExecutor(_THREADS) as pool, ThreadPoolExecutor(1) as beside:
        written = [pool.submit(world.lake.put, f"{folder}/samples.npz", partial(as_read.write, corrections=turn_back))]
        answering = beside.submit(copy_context().run, _answered, world, serving, claim, gated, pool)
        completions = _score(world, serving, "completion", gated.completions, pool)
        written.append(pool.submit(world.lake.put, f"{folder}/completion-profile.npz", completions.profile.write))
        oracle.write(world, folder, completions.beside)
        drift = watch_drift(world, serving, claim, completions.batch, completions.profile)
        horizons, answers = answering.result()
        written.append(pool.submit(world.lake.put, f"{folder}/horizon-profile.npz", horizons.profile.write))
        for file in written:
            file.result()
    targets = tuple(
        TargetRow(sample_id, float(value), "completion")
        for sample_id, value in zip(completions.batch.ids, completions.batch.target, strict=True)
        if np.isfinite(value)
    )
    arrived = set(gated.horizons.ids)
    early = np.array([name in arrived for name in horizons.batch.ids], dtype=np.bool_)
    return BatchOutcome(
        scores=(
            *_rows("horizon", serving, horizons, gated, keep=early),
            *_rows("completion", serving, completions, gated, statistic=drift.statistic),
        ),
        predictions=answers.rows,
        targets=targets,
        quarantined=gated.quarantined,
        alarms=drift.alarms,
        detector=drift.state,
        outbox=(*answers.outbox, *gated.dead_letters),
        counts={
            "messages": gated.messages,
            "horizons": len(gated.horizons),
            "completions": len(gated.completions),
            "accepted": int(completions.accepted.sum()),
            "quarantined": len(gated.quarantined),
            "unknown_columns": sum(gated.unknown.values()),
            **({} if serving.bundle.detector is None else {"drift_threshold": serving.bundle.detector.threshold}),
            **({"corrected_sensors": len(turn_back)} if turn_back else {}),
        },
        assessed_uri=folder,
        flags=(
            *answers.flags,
            *_by_score(serving, completions),
            *beyond_interval(world, serving, targets, answers.rows),
        ),
        as_of=answers.as_of,
    )


def _corrections(world: World, claim: Claim) -> TurnBack:
    """What holds for this micro-batch, decided by its place in line: a second attempt finds the same."""
    held = world.ledger.corrections(claim.process, claim.sequence)
    return tuple((one.sensor, one.gain, one.offset) for one in held)


def _turned_back(gated: Gated, corrections: TurnBack) -> Gated:
    if not corrections:
        return gated
    horizons, completions = (one.turned_back(corrections) for one in (gated.horizons, gated.completions))
    return replace(gated, horizons=horizons, completions=completions)


def _by_score(serving: Serving, scored: Scored) -> list[Flag]:
    rules, scores = serving.bundle.flags, scored.scores
    if rules is None:
        return []
    dimensions = dict(zip(DIMENSIONS, scores.dimensions.T, strict=True))
    return rules.at_score(scored.batch.ids, serving.version, scores.unified, serving.bundle.threshold, dimensions)


def _answered(world: World, serving: Serving, claim: Claim, gated: Gated, pool: Executor) -> tuple[Scored, Answers]:
    horizons = _score(world, serving, "horizon", _to_answer(world, gated, claim, serving), pool)
    beside = candidates(world, serving, claim.sequence)
    return horizons, answer(world, serving, horizons.batch, horizons.scores.unified, horizons.accepted, beside)


def _to_answer(world: World, gated: Gated, claim: Claim, serving: Serving) -> SampleBatch:
    """Horizon rows of the samples nobody answered yet: horizons, and completions that came without one."""
    rows = serving.process.sample.horizon_rows
    late = gated.completions.head(rows)
    early = set(gated.horizons.ids)
    both = SampleBatch.concat([gated.horizons, late.take([i for i, name in enumerate(late.ids) if name not in early])])
    answered = world.ledger.answered(serving.process.name, both.ids, except_batch=claim.batch_id)
    return both.take([i for i, name in enumerate(both.ids) if name not in answered]).in_order()


def _score(world: World, serving: Serving, scope: Scope, batch: SampleBatch, pool: Executor) -> Scored:
    scorer = serving.horizon_scorer if scope == "horizon" else serving.completion_scorer
    profiled = profile_in_parts(batch.head(scorer.reference.rows), scorer.reference, pool)
    before = world.ledger.committed(serving.process.name, last=scorer.window) if wanted(scorer, len(batch)) else ()
    scores = scorer.score(profiled, trailing(world, before, scope, scorer, len(batch)))
    beside = None
    if scope == "completion":
        scores, beside = oracle.with_learned(world, serving, batch, scores)
    return Scored(batch, profiled, scores, accept(scores.unified, serving.bundle.threshold), beside)


def _rows(
    scope: Scope,
    serving: Serving,
    scored: Scored,
    gated: Gated,
    *,
    keep: NDArray[np.bool_] | None = None,
    statistic: NDArray[np.float64] | None = None,
) -> list[SampleScore]:
    names, batch = tuple(DIMENSIONS), scored.batch
    came = [gated.origins[scope].get(name) for name in batch.ids]
    lost = lost_of(batch, serving.process.sample.profile_rows) if scope == "completion" else [None] * len(batch)
    rows = [
        SampleScore(
            sample_id=batch.ids[i],
            scope=scope,
            source=batch.sources[i],
            start=as_datetime(batch.start[i]),
            release=serving.version,
            dimensions=dict(zip(names, map(float, scored.scores.dimensions[i]), strict=True)),
            unified=float(scored.scores.unified[i]),
            accepted=bool(scored.accepted[i]),
            drift_statistic=None if statistic is None else float(statistic[i]),
            metadata=dict(batch.metadata[i]),
            partition=None if message is None else message.partition,
            offset=None if message is None else message.offset,
            arrived_at=None if message is None else moment_of(message.timestamp_ms),
            lost=lost[i],
        )
        for i, message in enumerate(came)
    ]
    return rows if keep is None else [row for row, kept in zip(rows, keep, strict=True) if kept]


def _report(batch_id: str, decided: BatchOutcome) -> dict[str, Any]:
    unified = [row.unified for row in decided.scores if row.scope == "completion" and row.unified is not None]
    return {
        "batch_id": batch_id,
        **decided.counts,
        "alarms": sum(row.alarm for row in decided.predictions if row.role in ACTING),
        "drift_alarms": len(decided.alarms),
        "flagged": len({flag.sample_id for flag in decided.flags}),
        "median_score": float(np.median(unified)) if unified else None,
    }
