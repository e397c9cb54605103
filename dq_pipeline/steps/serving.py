"""The releases in use: which one answers, loaded once, under the settings it carries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.records import Change, ReleaseRow
from dq_pipeline.release.bundle import Release
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.releases import previous_release


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """A release as it is used: its settings decide, the process file only operates."""

    row: ReleaseRow
    bundle: Release
    process: Process
    detector_id: str

    @property
    def version(self) -> str:
        """The registry's version."""
        return self.row.version

    @property
    def horizon_scorer(self) -> QualityScorer:
        """Scores horizon rows."""
        return _present(self.bundle.horizon_scorer, self.version)

    @property
    def completion_scorer(self) -> QualityScorer:
        """Scores completed recordings."""
        return _present(self.bundle.completion_scorer, self.version)

    def previous(self, world: World) -> Serving | None:
        """The release that this one replaced, if it answers the same question about recordings of the same form."""
        row = previous_release(world, self.process.name)
        replaced = None if row is None else load(world, row)
        if replaced is None or replaced.process.target != self.process.target:
            return None
        return replaced if has_form(replaced.process, self.process) else None


def in_production(world: World, process: str) -> Serving:
    """The release that answers now.

    Raises
    ------
    StateError
        If there is none yet.
    """
    row = world.ledger.production(process)
    if row is None:
        raise StateError(f"{process} has no release in Production yet: run its initialization first")
    return load(world, row)


def load(world: World, row: ReleaseRow) -> Serving:
    """A release with everything it decides with."""
    bundle, detector_id = _load(world.registry.fetch(row.process, row.version, row.run_id))
    return Serving(row, bundle, bundle.governs(world.process(row.process)), detector_id)


def successions(world: World, process: str) -> list[Change]:
    """The changes that put a release into Production, oldest first."""
    return [change for change in world.ledger.changes(process) if change.into_production]


def on_probation_against(world: World, serving: Serving) -> Serving | None:
    """The release that the one in Production is measured against, while its probation lasts; None otherwise."""
    newest = successions(world, serving.process.name)[-1:]
    if not newest or newest[0].action != "promote" or newest[0].previous is None:
        return None
    seen = world.ledger.sample_count(serving.process.name) - newest[0].sample
    return serving.previous(world) if seen < serving.process.promotion.probation else None


def has_form(recorded: Process | SampleBatch, process: Process) -> bool:
    """Whether recordings are cut, and sensors ordered, as a process has them; an initialization may change that."""
    if isinstance(recorded, SampleBatch):
        return recorded.sensors == process.sensor_names and recorded.rows == process.sample.rows
    return recorded.sensor_names == process.sensor_names and recorded.sample == process.sample


@lru_cache(maxsize=8)
def _load(folder: Path) -> tuple[Release, str]:
    bundle = Release.load(folder)
    fitted = b"" if bundle.detector is None else bundle.detector.to_bytes()
    return bundle, hashlib.sha256(fitted).hexdigest()[:16]


def _present(scorer: QualityScorer | None, version: str) -> QualityScorer:
    if scorer is None:
        raise StateError(f"release {version} holds no quality scorer; run the initialization again")
    return scorer
