"""The review queue as people see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, get_args

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Opinion, Review, State
from dq_pipeline.steps.clock import as_datetime
from dq_pipeline.steps.find_recordings import find_recordings
from dq_pipeline.steps.flag_export import curves_of, sample_rows
from dq_pipeline.steps.known_samples import KnownSamples, known_samples
from dq_pipeline.steps.review_queue import threshold_of

_MOST = 1000
_EXPORTED = ("band", "horizon_rows", "period_s", "dimensions", "metadata", "flags")


def reviews(
    world: World,
    process: str,
    *,
    state: State = "waiting",
    limit: int = 50,
    offset: int = 0,
    who: str | None = None,
) -> dict[str, Any]:
    """The queue, what is most urgent first; of other states the newest first.

    Parameters
    ----------
    who
        Leaves out what this person has judged: somebody else must.

    Returns
    -------
    dict
        `waiting`, `settled`, `refused`: how many; `rules`: by rule, how many it settled alone, and of those that a
        person saw in its place in how many both said the same; `items`: one each, without curves.

    Raises
    ------
    StateError
        If the state is another, or a number out of range.
    """
    settings = world.process(process)
    if state not in get_args(State):
        raise StateError(f"a state of {', '.join(get_args(State))} expected, found {state!r}")
    if not 0 < limit <= _MOST or offset < 0:
        raise StateError(f"a limit of 1 to {_MOST} and an offset of 0 or more expected, found {limit} and {offset}")
    rows = world.ledger.reviews(process, state=state, limit=limit, offset=offset, unseen_by=who)
    counts = world.ledger.review_counts(process)
    samples = known_samples(world, process, [row.sample_id for row in rows])
    return {
        "process": process,
        **counts,
        "rules": world.ledger.rule_record(process),
        "items": _items(world, settings, rows, samples),
    }


def waiting_for(world: World, process: str, who: str, *, limit: int) -> list[int]:
    """Numbers of the reviews that wait for somebody, what is most urgent first: those this person has not judged."""
    return [row.id for row in world.ledger.reviews(process, limit=limit, unseen_by=who)]


def review(world: World, process: str, review: int) -> dict[str, Any]:
    """One review with all that a person judges it by: flags, opinions, curves and the band of the reference.

    Raises
    ------
    StateError
        If there is no such review.
    """
    (item,) = details(world, world.process(process), [known(world, process, review)])
    return item


def details(world: World, process: Process, rows: Sequence[Review]) -> Iterator[dict[str, Any]]:
    """The same of several reviews, each of another sample: ledger and files are asked once for all."""
    names = [row.sample_id for row in rows]
    samples, flags = known_samples(world, process.name, names), world.ledger.flags_of(process.name, names)
    said = world.ledger.opinions(process.name, [row.id for row in rows])
    beyond = [name for name in names if name not in samples.places]  # not of the stream
    past = find_recordings(world, process, beyond) if beyond else {}
    exported = sample_rows(world, process.name, {name: flags.get(name, ()) for name in names}, samples)
    for item, row in zip(_items(world, process, rows, samples), exported, strict=True):
        found = past.get(item["sample_id"])
        curves = {"t_s": row["t_s"], "curves": row["curves"]}
        if found is not None and found.batch is not None:
            curves = curves_of(item["sample_id"], found.batch, process.sample.period_s)
            item |= {"source": found.batch.sources[0], "start": as_datetime(found.batch.start[0]).isoformat()}
            item |= {"unified": found.unified, "accepted": found.accepted}
        yield {
            **item,
            **{key: row[key] for key in _EXPORTED},
            **curves,
            "opinions": [_said(one) for one in said.get(item["review"], ())],
        }


def known(world: World, process: str, number: int) -> Review:
    row = world.ledger.review(process, number)
    if row is None:
        raise StateError(f"{process}: a review of the queue expected, found no {number}. `dq reviews {process}`.")
    return row


def _items(world: World, process: Process, rows: Sequence[Review], samples: KnownSamples) -> list[dict[str, Any]]:
    if not rows:
        return []
    threshold = threshold_of(world, process)
    items = []
    for row in rows:
        name = row.sample_id
        answer, place, truth = samples.answers.get(name), samples.places.get(name), samples.truths.get(name)
        # what a rule would say must not lead the reviewer
        reasons = {name: value for name, value in row.reasons.items() if name != "rule" or row.state != "waiting"}
        items.append(
            {
                "review": row.id,
                "sample_id": row.sample_id,
                "state": row.state,
                "priority": row.priority,
                "kinds": list(row.reasons.get("kinds", ())),
                "reasons": reasons,
                "rounds": row.rounds,
                "opened_at": row.opened_at.isoformat(),
                "settled_at": _when(row.settled_at),
                "release": None if answer is None else answer.release,
                "prediction": None if answer is None else answer.value,
                "lower": None if answer is None else answer.lower,
                "upper": None if answer is None else answer.upper,
                "target": None if truth is None else truth.value,
                "target_origin": None if truth is None else truth.origin,
                "target_name": process.target.name,
                "unit": process.target.unit,
                "classes": list(process.target.classes),
                "unified": None if place is None else place.unified,
                "threshold": threshold,
                "accepted": None if place is None else place.accepted,
                "source": None if place is None else place.source,
                "start": None if place is None else place.start.isoformat(),
                "outcome": row.outcome,
                "value": row.value,
                "automatic": row.automatic,
            }
        )
    return items


def _said(one: Opinion) -> dict[str, Any]:
    names = ("who", "action", "before", "after", "confidence", "why", "automatic")
    return {name: getattr(one, name) for name in names} | {"evidence": dict(one.evidence), "at": _when(one.at)}


def _when(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
