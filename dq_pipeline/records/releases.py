"""Releases: versions, their stages, and every change of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Stage = Literal["None", "Staging", "Production", "Archived"]


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release of a process: a version in the registry and where it stands."""

    process: str
    version: str
    run_id: str
    stage: Stage
    key: str
    event: int | None
    kind: str
    metrics: Mapping[str, float]
    samples: int
    created_at: datetime
    settings_hash: str
    promoted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the append-only ledger of promotions and rollbacks."""

    id: int
    process: str
    action: Literal["stage", "promote", "reject", "rollback", "resume"]
    version: str
    previous: str | None
    who: str
    why: str
    at: datetime
    sample: int

    @property
    def into_production(self) -> bool:
        """Whether it put its version into Production."""
        return self.action in ("promote", "rollback")


@dataclass(frozen=True, slots=True)
class Hold:
    """After a rollback nothing adapts, until somebody resumes or a change after `sample` is found."""

    process: str
    version: str
    sample: int
    why: str
    since: datetime
