"""All processes at a glance, as pages and terminals show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Glance
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.watch.health import health

NEWEST = 40
"""Samples that a trend is drawn from."""


def overview(world: World, processes: Sequence[str], *, now: datetime | None = None) -> list[dict[str, Any]]:
    """Each process with its health; the ledger is asked once for all.

    Returns
    -------
    list of dict
        `process`, `title`, `broken` (what is wrong with its file, else None), `pending` (the file was edited and the
        release in Production is not yet of it), `health` (`level`, `words`, `reasons`), `newest_age_s` and
        `release_age_s` in seconds, and all of :class:`dq_pipeline.records.Glance`.
    """
    now = now or utc_now()
    files = {name: _file(world, name) for name in processes}
    return [_shown(seen, *files[seen.process], now) for seen in world.ledger.glances(processes, newest=NEWEST)]


def _file(world: World, name: str) -> tuple[Process | None, str | None]:
    try:
        return world.process(name), None
    except DQError as error:  # one broken file must not hide the other processes
        return None, str(error)


def _shown(seen: Glance, settings: Process | None, broken: str | None, now: datetime) -> dict[str, Any]:
    found = health(seen)
    edited = settings is not None and seen.settings_hash is not None and settings.settings_hash() != seen.settings_hash
    return {
        "title": "" if settings is None else settings.title,
        "detector": None if settings is None else settings.drift.detector,
        "broken": broken,
        "pending": edited,
        "health": {"level": found.level, "words": found.words, "reasons": list(found.reasons)},
        "newest_age_s": _age(seen.newest_at, now),
        "release_age_s": _age(seen.promoted_at or seen.released_at, now),
        **{name: getattr(seen, name) for name in Glance.__slots__},
    }


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)
