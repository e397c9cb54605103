"""Drills, by the key that they were begun with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Row

from dq_pipeline.adapters.ledger.database import Database, know_process
from dq_pipeline.adapters.ledger.trust_schema import drills
from dq_pipeline.records import DrillRow


class Drills(Database):
    """The part of the ledger that keeps drills."""

    def begin_drill(self, drill: DrillRow) -> DrillRow:
        """Keep that a drill began; the one of this key as it stands, if there is one."""
        this = (drills.c.process == drill.process) & (drills.c.key == drill.key)
        with self._begin() as connection:
            know_process(connection, drill.process)
            connection.execute(upsert(drills).values(_values(drill)).on_conflict_do_nothing())
            return _drill(connection.execute(select(drills).where(this)).one())

    def end_drill(self, drill: DrillRow) -> None:
        """Keep what became of it; one that has ended stays as it is."""
        this = (drills.c.process == drill.process) & (drills.c.key == drill.key) & drills.c.ended_at.is_(None)
        with self._begin() as connection:
            connection.execute(update(drills).where(this).values(_values(drill)))

    def drills(self, process: str) -> Sequence[DrillRow]:
        """All drills, oldest first."""
        with self._begin() as connection:
            rows = connection.execute(select(drills).where(drills.c.process == process).order_by(drills.c.id)).all()
        return [_drill(row) for row in rows]


def _values(drill: DrillRow) -> dict[str, Any]:
    return {name: getattr(drill, name) for name in DrillRow.__slots__ if name != "id"}


def _drill(row: Row[Any]) -> DrillRow:
    return DrillRow(**{name: getattr(row, name) for name in DrillRow.__slots__})
