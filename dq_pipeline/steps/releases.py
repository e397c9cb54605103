"""Which release is meant: the one of a version, and the one that was replaced."""

from __future__ import annotations

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import ReleaseRow


def release_of(world: World, process: str, version: str) -> ReleaseRow:
    """The release of a version.

    Raises
    ------
    StateError
        If there is none.
    """
    known = {row.version: row for row in world.ledger.releases(process)}
    if version not in known:
        raise StateError(f"{process} has no release {version!r}; there are: {', '.join(known) or 'none'}")
    return known[version]


def previous_release(world: World, process: str) -> ReleaseRow | None:
    """The release that the one in Production replaced when it was promoted; not one that was rolled back to it."""
    by_version = {release.version: release for release in world.ledger.releases(process)}
    current = world.ledger.production(process)
    for change in reversed(world.ledger.changes(process)):
        if current is not None and change.action == "promote" and change.version == current.version:
            return by_version.get(change.previous or "")
    return None
