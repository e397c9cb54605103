"""Releases: which exist, which one answers, and the append-only story of how that came to be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.database import Database, know_process, lock_process
from dq_pipeline.adapters.ledger.drift import lift_hold
from dq_pipeline.adapters.ledger.schema import LIVE_EVENTS, changes, drift_events, holds, releases
from dq_pipeline.errors import StateError, SupersededError
from dq_pipeline.records import Change, EventState, Hold, ReleaseRow, Stage

_STAGES: dict[str, Stage] = {
    "stage": "Staging",
    "promote": "Production",
    "reject": "Archived",
    "rollback": "Production",
}


class Releases(Database):
    """The part of the ledger that knows releases."""

    def add_release(self, release: ReleaseRow) -> ReleaseRow:
        """Record a registered version; the same key twice is one row, and the first stands."""
        row = {name: getattr(release, name) for name in ReleaseRow.__slots__}
        with self._begin() as connection:
            know_process(connection, release.process)
            connection.execute(upsert(releases).values(row).on_conflict_do_nothing(index_elements=["process", "key"]))
            found = _by(connection, release.process, releases.c.key == release.key)
        assert found is not None  # inserted above, if it was not there before
        return _release(found)

    def releases(self, process: str) -> Sequence[ReleaseRow]:
        """All releases, oldest first."""
        wanted = select(releases).where(releases.c.process == process).order_by(releases.c.id)
        with self._begin() as connection:
            return [_release(row) for row in connection.execute(wanted)]

    def production(self, process: str) -> ReleaseRow | None:
        """The release that answers now."""
        with self._begin() as connection:
            row = _by(connection, process, releases.c.stage == "Production")
        return None if row is None else _release(row)

    def release_by_key(self, process: str, key: str) -> ReleaseRow | None:
        """The release with this idempotency key."""
        with self._begin() as connection:
            row = _by(connection, process, releases.c.key == key)
        return None if row is None else _release(row)

    def move_release(
        self,
        process: str,
        version: str,
        action: str,
        *,
        who: str,
        why: str,
        now: datetime,
        over: str | None = None,
    ) -> Change:
        """`stage`, `promote`, `reject` or `rollback` one version; repeating the newest change is no change.

        Promoting or rolling back archives the Production release. A rollback holds adaptation and closes the events
        that led away from that version, and the one seen since, as held.

        Parameters
        ----------
        over
            The release that must be in Production, with no hold, for this to be done.

        Raises
        ------
        StateError
            There is no such version or action, or the version does not stand where the action starts.
        SupersededError
            Another release than `over` is in Production, or adaptation is on hold.
        """
        if action not in _STAGES:
            raise StateError(f"Unknown action {action!r}. Known: {', '.join(_STAGES)}.")
        with self._begin() as connection:
            head = lock_process(connection, process)
            target = _by(connection, process, releases.c.version == version)
            if target is None:
                raise StateError(f"{process}: no release {version!r} in the ledger. `dq releases` lists them.")
            repeated = _repeated(connection, target, action)
            if repeated is not None:
                return repeated
            _check(target, action)
            if over is not None:
                _check_unchanged(connection, target, over)
            stage = _STAGES[action]
            former = _by(connection, process, releases.c.stage == stage) if stage != "Archived" else None
            if former is not None:
                _move(connection, former, "Archived")
            _move(connection, target, stage, promoted_at=now if stage == "Production" else target.promoted_at)
            if action == "rollback":
                _hold_back(connection, target, why, now, head.samples)
            change = {
                "process": process,
                "action": action,
                "version": version,
                "previous": None if former is None else former.version,
                "who": who,
                "why": why,
                "at": now,
                "sample": head.samples,
            }
            written = connection.execute(insert(changes).values(change).returning(changes)).one()
            return _change(written)

    def changes(self, process: str) -> Sequence[Change]:
        """The append-only promotion ledger, oldest first."""
        wanted = select(changes).where(changes.c.process == process).order_by(changes.c.id)
        with self._begin() as connection:
            return [_change(row) for row in connection.execute(wanted)]

    def hold(self, process: str) -> Hold | None:
        """Whether adaptation is on hold; `version` is the release that the rollback restored."""
        with self._begin() as connection:
            row = connection.execute(select(holds).where(holds.c.process == process)).one_or_none()
        return None if row is None else Hold(row.process, row.version, row.sample, row.why, row.since)

    def resume(self, process: str, *, who: str, why: str, now: datetime) -> None:
        """Lift the hold; without one nothing changes."""
        with self._begin() as connection:
            lock_process(connection, process)
            row = connection.execute(select(holds).where(holds.c.process == process)).one_or_none()
            if row is not None:
                lift_hold(connection, row, who=who, why=why, now=now)


def _by(connection: Connection, process: str, condition: Any) -> Row[Any] | None:
    return connection.execute(select(releases).where(releases.c.process == process, condition)).one_or_none()


def _repeated(connection: Connection, target: Row[Any], action: str) -> Change | None:
    """The change to answer with if the action is done already."""
    if target.stage != _STAGES[action]:
        return None
    own = select(changes).where(
        changes.c.process == target.process, changes.c.version == target.version, changes.c.action != "resume"
    )
    last = connection.execute(own.order_by(changes.c.id.desc()).limit(1)).one_or_none()
    same = ("promote", "rollback") if action == "promote" else (action,)
    return _change(last) if last is not None and last.action in same else None


def _check(target: Row[Any], action: str) -> None:
    if action == "rollback" and target.promoted_at is None:
        raise StateError(
            f"{target.process}: a release that was in Production before expected, found {target.version} "
            f"({target.stage}), which never was. `dq promote` puts it there."
        )
    if target.stage == "Production":
        raise StateError(
            f"{target.process}: release {target.version} is in Production. "
            f"Promote another one or roll back to one before `{action}`."
        )


def _check_unchanged(connection: Connection, target: Row[Any], over: str) -> None:
    hold = connection.execute(select(holds).where(holds.c.process == target.process)).one_or_none()
    if hold is not None:
        raise SupersededError(
            f"{target.process}: adaptation is on hold since a rollback ({hold.why}); release {target.version} was "
            f"made before it. `dq resume` lifts the hold."
        )
    current = _by(connection, target.process, releases.c.stage == "Production")
    if current is None or current.version != over:
        found = "none" if current is None else current.version
        raise SupersededError(
            f"{target.process}: release {over} in Production expected, against which {target.version} was built and "
            f"judged; found {found}"
        )


def _move(connection: Connection, row: Row[Any], stage: Stage, **values: Any) -> None:
    connection.execute(update(releases).where(releases.c.id == row.id).values(stage=stage, **values))


def _hold_back(connection: Connection, target: Row[Any], why: str, now: datetime, sample: int) -> None:
    """Hold adaptation, and with it the drift that would lead to the same release again."""
    led_away = select(releases.c.event).where(
        releases.c.process == target.process,
        releases.c.event.is_not(None),
        releases.c.id != target.id,
        releases.c.promoted_at >= target.promoted_at,
    )
    closing = or_(
        drift_events.c.state.in_(LIVE_EVENTS),
        and_(drift_events.c.state == EventState.CLOSED, drift_events.c.id.in_(led_away)),
    )
    outcome = f"held: rolled back to release {target.version}"
    connection.execute(
        update(drift_events)
        .where(drift_events.c.process == target.process, closing)
        .values(state=EventState.HELD, outcome=outcome)
    )
    row = {"version": target.version, "sample": sample, "why": why, "since": now}
    held = upsert(holds).values(process=target.process, **row)
    connection.execute(held.on_conflict_do_update(index_elements=[holds.c.process], set_=row))


def _release(row: Row[Any]) -> ReleaseRow:
    values = {name: getattr(row, name) for name in ReleaseRow.__slots__}
    values["metrics"] = {name: math.nan if value is None else value for name, value in row.metrics.items()}
    return ReleaseRow(**values)


def _change(row: Row[Any]) -> Change:
    return Change(row.id, row.process, row.action, row.version, row.previous, row.who, row.why, row.at, row.sample)
