"""Answer a period of the past again: from its messages as they were read, through any release.

What an answer depends on is in the lake and in the ledger: the messages, the release with its settings, the profiles of
the samples before, and what was known when it was given (`AsOf`). A release that answered then gives the same answer
again, bit for bit. One that did not is asked what it would have said: its interval is the model's own then, for its
own answers were never there to follow, and a fallback gives what it gave then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypedDict, Unpack

import numpy as np

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.profile.profile import Profile, profile_in_parts
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.quality.threshold import accept
from dq_pipeline.records import Answered, AsOf, CommittedBatch, PredictionRow
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import landing, outcome
from dq_pipeline.steps.answer import fallback_rows, said
from dq_pipeline.steps.candidates import comparable
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.steps.gate import gate
from dq_pipeline.steps.serving import Serving, in_production, load
from dq_pipeline.steps.trailing import trailing, wanted

ANSWERED = "answered"
"""Each sample through the release that answered it."""
FILE = "file"
"""The release in Production, with the settings of the process file as it is now."""
COMPARED = ("value", "lower", "upper", "unified", "fallback", "alarm", "expected_error")


class Period(TypedDict, total=False):
    """Of the past: numbers of samples, first <= n < stop, starts, since <= t < until, or micro-batches."""

    first: int | None
    stop: int | None
    since: datetime | None
    until: datetime | None
    batches: Sequence[str]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one release says of a period.

    Attributes
    ----------
    name
        As it was asked for: a version, `answered` or `file`.
    rows
        By sample id, role `replay`.
    compared, differing
        How many of them this release answered then, and of these how many differ, by field.
    """

    name: str
    rows: dict[str, PredictionRow]
    compared: int
    differing: dict[str, int]


@dataclass(frozen=True, slots=True)
class Replay:
    """A period, and what each release says of it."""

    process: str
    samples: tuple[Answered, ...]
    replayed: tuple[Replayed, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Through:
    """A release as it is asked, and its profiles of the batches replayed so far."""

    serving: Serving
    threshold: float
    profiles: list[Profile]
    of_now: bool = False


def replay_period(
    world: World,
    process: str,
    *,
    releases: Sequence[str] = (ANSWERED,),
    last: int | None = None,
    keep: bool = False,
    **period: Unpack[Period],
) -> Replay:
    """Answer the samples of a period again.

    Parameters
    ----------
    releases
        Versions; `answered`: each sample through the release that answered it; `file`: the release in Production with
        the settings of the process file as it is now.
    last
        The newest so many samples, whatever `first` says.
    keep
        Keep what versions say in the ledger, in the role `replay`.
    **period
        Otherwise the period: all that was answered if nothing is said of it.

    Raises
    ------
    StateError
        If nothing was answered in the period, there is no such release, or it answers another question.
    """
    if last is not None:
        period["first"] = max(world.ledger.sample_count(process) - last, 0)
    samples = world.ledger.period(process, **period)
    if not samples:
        raise StateError(f"{process}: answered samples expected in the period, found none; `dq status {process}`")
    asked = {name: _through(world, process, name) for name in releases if name != ANSWERED}
    answered = {version: _through(world, process, version) for version in sorted({one.champion for one in samples})}
    for name, through in asked.items():
        _check(name, through, answered.values())
    committed = world.ledger.committed(process)
    chosen = {one.sample_id for one in samples}
    found: dict[str, dict[str, PredictionRow]] = {name: {} for name in releases}
    tally: dict[str, list[Any]] = {name: [0, dict.fromkeys(COMPARED, 0)] for name in releases}
    for batch_id, group in groupby(samples, key=lambda one: one.batch_id):
        about = next(group)
        then = world.ledger.answered_in(process, [batch_id])[batch_id]
        as_of = outcome.from_bytes(world.lake.get(f"{about.uri}/{outcome.FILE}")).as_of
        before = [one for one in committed if one.sequence < about.sequence]
        batch = _messages(world, about, answered[about.champion].serving, then)
        for name in releases:
            if name == ANSWERED:
                rows = _as_answered(world, answered[about.champion], batch, then, as_of, before)
            else:
                rows = _rows(world, asked[name], batch, as_of, before)
            rows = {sample_id: row for sample_id, row in rows.items() if sample_id in chosen}
            found[name] |= rows
            _compare(tally[name], rows, then)
            if keep and name not in (ANSWERED, FILE):
                world.ledger.keep_replay(process, batch_id, list(rows.values()), utc_now())
    replayed = tuple(Replayed(name, found[name], tally[name][0], tally[name][1]) for name in releases)
    return Replay(process, tuple(samples), replayed)


def _through(world: World, process: str, name: str) -> _Through:
    if name == FILE:
        current = in_production(world, process)
        now = world.process(process)
        quality = now.quality
        stated = current.bundle.threshold if quality.threshold == "sweep" else quality.stated_threshold
        return _Through(replace(current, process=now), stated, [], of_now=True)
    rows = {row.version: row for row in world.ledger.releases(process)}
    if name not in rows:
        known = ", ".join((*rows, ANSWERED, FILE))
        raise StateError(f"{process} has no release {name!r}; what can be asked: {known}")
    serving = load(world, rows[name])
    return _Through(serving, serving.bundle.threshold, [])


def _check(name: str, asked: _Through, answered: Iterable[_Through]) -> None:
    for one in answered:
        if not comparable(asked.serving, one.serving):
            raise StateError(
                f"{name}: a release that answers the same question about recordings of the same form expected as "
                f"release {one.serving.version}, which answered in this period, found another one; name another period"
            )


def _messages(world: World, about: Answered, serving: Serving, then: Sequence[PredictionRow]) -> SampleBatch:
    """The horizon rows that were answered in a micro-batch, as they were read, and turned back, then."""
    process, ids = serving.process, {row.sample_id for row in then}

    def seen(scope: Any, names: Any) -> set[str]:
        return world.ledger.seen(process.name, scope, names, except_batch=about.batch_id)

    gated = gate(landing.from_bytes(world.lake.get(about.raw_uri)), process, as_moment(utc_now()), seen)
    early = set(gated.horizons.ids)
    late = gated.completions.head(process.sample.horizon_rows)
    late = late.take([i for i, name in enumerate(late.ids) if name not in early])
    both = SampleBatch.concat([gated.horizons, late])
    held = world.ledger.corrections(process.name, about.sequence)
    turned = both.turned_back([(one.sensor, one.gain, one.offset) for one in held]) if held else both
    return turned.take([i for i, name in enumerate(turned.ids) if name in ids]).in_order()


def _rows(
    world: World, through: _Through, batch: SampleBatch, as_of: AsOf | None, before: Sequence[CommittedBatch]
) -> dict[str, PredictionRow]:
    """What a release answers to a micro-batch, had it been in Production."""
    serving, known = through.serving, as_of or AsOf()
    unified = _unified(world, through, serving.horizon_scorer, batch, before)
    accepted = accept(unified, through.threshold)
    radius = None if through.of_now else known.radius.get(serving.version)
    heard = said(serving, batch, radius)
    rows = {name: heard.row(name, "replay", i, unified[i]) for i, name in enumerate(batch.ids)}
    doubtful = np.flatnonzero(~accepted)
    if len(doubtful):
        previous = None if known.previous is None else _through(world, serving.process.name, known.previous).serving
        kept = previous if serving.process.quality.fallback == "previous_release" else None
        instead = fallback_rows(serving, batch.take(doubtful), known, kept)
        rows |= {name: replace(row, role="replay") for name, row in instead.items()}
    return rows


def _unified(
    world: World, through: _Through, scorer: QualityScorer, batch: SampleBatch, before: Sequence[CommittedBatch]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The score of the horizon rows; what came before is in the lake where it is against the same reference."""
    with ThreadPoolExecutor(1) as pool:
        profiled = profile_in_parts(batch.head(scorer.reference.rows), scorer.reference, pool)
    behind = trailing(world, before, "horizon", scorer, len(batch))
    missing = wanted(scorer, len(batch))
    if behind is None and missing and through.profiles:
        kept = Profile.concat(through.profiles)
        behind = kept.take(np.arange(max(len(kept) - scorer.window, 0), len(kept)))
    through.profiles[:] = [*through.profiles, profiled][-scorer.window :]
    return scorer.score(profiled, behind).unified


def _as_answered(
    world: World,
    champion: _Through,
    batch: SampleBatch,
    then: Sequence[PredictionRow],
    as_of: AsOf | None,
    before: Sequence[CommittedBatch],
) -> dict[str, PredictionRow]:
    """Each sample through the release that answered it, scored by the one in Production then."""
    rows = _rows(world, champion, batch, as_of, before)
    for version in sorted({row.release for row in then if row.role == "canary"}):
        mine = {row.sample_id for row in then if row.role == "canary" and row.release == version}
        one = _through(world, champion.serving.process.name, version).serving
        heard = said(one, batch, (as_of or AsOf()).radius.get(version))
        index = {name: i for i, name in enumerate(batch.ids)}
        for name in mine & set(index):
            score = rows[name].unified
            rows[name] = heard.row(name, "replay", index[name], float("nan") if score is None else score)
    return rows


def _compare(tally: list[Any], rows: dict[str, PredictionRow], then: Sequence[PredictionRow]) -> None:
    """Count what a release said then, in whatever role, and what of it is not what it says now.

    Beside the release in Production a release was not asked for a score, and gave its answer whatever the score.
    """
    recorded = {(row.sample_id, row.release): row for row in then}
    for row in rows.values():
        known = recorded.get((row.sample_id, row.release))
        if known is None or (known.role == "shadow" and row.fallback is not None):
            continue
        tally[0] += 1
        for name in COMPARED:
            if known.role != "shadow" or name not in ("unified", "fallback"):
                tally[1][name] += getattr(row, name) != getattr(known, name)
