"""Releases beside each other, and what an edit of the process file will change: from the ledger and gate reports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import ReleaseRow
from dq_pipeline.steps.challenger import built, is_built
from dq_pipeline.steps.releases import previous_release
from dq_pipeline.steps.rollout import rollouts
from dq_pipeline.steps.staging import VERDICT
from dq_pipeline.steps.status import live_figures

LINES = "line/"
"""Begins the metrics that are limits and no figures."""
MOST_SHOWN = 100
LIVE = 20
"""Newest releases whose error on the stream is worked out."""
ABSENT = "(not stated)"


def release_list(world: World, process: str) -> dict[str, Any]:
    """The ledger of releases and of their changes.

    Returns
    -------
    dict
        `releases`, newest first, with `metrics` of their evaluation, `live` figures on the stream, and whether they
        `may_return` by a rollback; `changes`, newest first; `production`, `previous` (what a rollback without a version
        restores), `hold`, `rollouts`.
    """
    world.process(process)
    ledger = world.ledger
    rows = list(reversed(ledger.releases(process)))[:MOST_SHOWN]
    production, hold, previous = ledger.production(process), ledger.hold(process), previous_release(world, process)
    return {
        "process": process,
        "production": None if production is None else production.version,
        "previous": None if previous is None else previous.version,
        "hold": None if hold is None else {"version": hold.version, "since": hold.since.isoformat(), "why": hold.why},
        "rollouts": [] if production is None else rollouts(world, process),
        "releases": [
            {**shown(row), "live": live_figures(world, process, row.version) if i < LIVE else None}
            for i, row in enumerate(rows)
        ],
        "changes": [
            {
                "action": change.action,
                "version": change.version,
                "previous": change.previous,
                "who": change.who,
                "why": change.why,
                "at": change.at.isoformat(),
                "sample": change.sample,
            }
            for change in reversed(ledger.changes(process))
        ],
    }


def shown(row: ReleaseRow) -> dict[str, Any]:
    """A release as plain JSON values."""
    return {
        "version": row.version,
        "stage": row.stage,
        "kind": row.kind,
        "event": row.event,
        "samples": row.samples,
        "created_at": row.created_at.isoformat(),
        "promoted_at": None if row.promoted_at is None else row.promoted_at.isoformat(),
        "settings_hash": row.settings_hash,
        "metrics": {name: value for name, value in row.metrics.items() if not name.startswith(LINES)},
        "may_return": row.promoted_at is not None and row.stage != "Production",
    }


def restorable(world: World, process: str, version: str) -> None:
    """Raise what forbids to roll back to a version.

    Raises
    ------
    StateError
        If there is none such, it never was in Production, or is in Production now.
    """
    found = {row.version: row for row in world.ledger.releases(process)}.get(version)
    if found is None:
        raise StateError(f"{process}: no release {version[:80]!r}; `dq releases {process}` lists them")
    if found.stage == "Production" or found.promoted_at is None:
        what = "is in Production" if found.stage == "Production" else "never was in Production"
        raise StateError(f"{process}: a release that was in Production before expected, {version} {what}")


def compare_releases(world: World, process: str, versions: Sequence[str]) -> dict[str, Any]:
    """Two or more releases beside each other, as they were evaluated; nothing is replayed.

    Returns
    -------
    dict
        `releases`; `metrics`: name -> the figure of each; `settings`: those that differ, key -> the value of each;
        `unknown`: versions whose settings the ledger has not kept; `gates`: version -> what the gates found.

    Raises
    ------
    StateError
        If there are fewer than two, or one is not there.
    """
    asked = list(dict.fromkeys(versions))
    known = {row.version: row for row in world.ledger.releases(process)}
    missing = [version[:80] for version in asked if version not in known]
    if missing or len(asked) < 2:
        raise StateError(f"{process}: two releases or more expected, found {', '.join(missing or asked) or 'none'}")
    rows = [known[version] for version in asked]
    kept = world.ledger.configurations(process, [row.settings_hash for row in rows])
    settings = [dict(flat(kept.get(row.settings_hash, {}))) for row in rows]
    names = dict.fromkeys(name for row in rows for name in row.metrics if not name.startswith(LINES))
    return {
        "process": process,
        "releases": [shown(row) for row in rows],
        "metrics": {name: [row.metrics.get(name) for row in rows] for name in names},
        "settings": differing(settings),
        "unknown": [row.version for row in rows if row.settings_hash not in kept],
        "gates": {row.version: gates(world, process, row) for row in rows},
    }


def pending_settings(world: World, process: str) -> dict[str, Any]:
    """What the process file says otherwise than the release in Production, and so takes effect with the next one.

    Returns
    -------
    dict
        `release`, None while none answers; `pending`; `changes`: key -> (of the release, of the file); `known`: whether
        the ledger has kept the release's settings; `deciding`: all settings that decide, as the file has them.
    """
    settings = world.process(process)
    row = world.ledger.production(process)
    today = dict(flat(settings.deciding()))
    if row is None:
        return {
            "process": process,
            "release": None,
            "pending": False,
            "known": True,
            "changes": {},
            "deciding": today,
        }
    kept = world.ledger.configurations(process, [row.settings_hash])
    pending = row.settings_hash != settings.settings_hash()
    before = dict(flat(kept[row.settings_hash])) if row.settings_hash in kept else None
    return {
        "process": process,
        "release": row.version,
        "pending": pending,
        "known": before is not None,
        "changes": differing([before, today]) if pending and before is not None else {},
        "deciding": today,
    }


def gates(world: World, process: str, row: ReleaseRow) -> list[dict[str, Any]]:
    """What the gates found of a release before it was staged; nothing where they were not asked."""
    if not is_built(world, process, row.key):
        return []
    uri = f"{built(world, process, row.key)['folder']}/{VERDICT}"
    found: list[dict[str, Any]] = json.loads(world.lake.get(uri))["gates"] if world.lake.exists(uri) else []
    return found


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as pairs of a dotted key and a value.

    >>> dict(flat({"quality": {"threshold": 0.25}, "rules": []}))
    {'quality.threshold': 0.25, 'rules': []}
    """
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The keys whose values are not all the same, each with the value that every one of them has.

    >>> differing([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}])
    {'b': [2, 3], 'c': ['(not stated)', 4]}
    """
    names = dict.fromkeys(name for one in settings for name in one)
    found = {name: [one.get(name, ABSENT) for one in settings] for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}
