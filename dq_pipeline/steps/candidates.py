"""Releases that predict beside the one in Production while they are rolled out, as of a micro-batch's claim."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dq_pipeline.errors import DQError
from dq_pipeline.ports import World
from dq_pipeline.records import LIVE, ReleaseRow
from dq_pipeline.release.rollout import takes
from dq_pipeline.steps.serving import Serving, has_form, load

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A release in shadow, or one that answers a share of the samples; `began` is the sample its rollout began at."""

    serving: Serving
    share: float
    began: int

    def takes(self, sample_id: str) -> bool:
        """Whether the sample is answered by it."""
        return takes(self.serving.version, sample_id, self.share)


def candidates(world: World, serving: Serving, sequence: int) -> tuple[Candidate, ...]:
    """Those that counted when the micro-batch of this sequence was claimed, the one that answers samples first.

    Every attempt at the batch finds the same. One that cannot be had, or that answers another question, takes no part:
    the stream goes on without it.
    """
    name = serving.process.name
    live = [
        row
        for row in world.ledger.rollouts(name, before=sequence)
        if row.state in LIVE and row.champion == serving.version
    ]
    if not live:
        return ()
    releases = {release.version: release for release in world.ledger.releases(name)}
    found = []
    for row in sorted(live, key=lambda row: -row.share):
        one = _loaded(world, releases[row.version])
        if one is not None and comparable(one, serving):
            share = row.share if releases[row.version].stage == "Staging" else 0.0  # one that is archived acts no more
            found.append(Candidate(one, share, int(row.record.get("began", row.sample))))
    return tuple(found)


def comparable(one: Serving, serving: Serving) -> bool:
    """Whether both answer the same question about recordings of the same form."""
    return one.process.target == serving.process.target and has_form(one.process, serving.process)


def _loaded(world: World, row: ReleaseRow) -> Serving | None:
    try:
        return load(world, row)
    except (DQError, OSError) as error:
        log.warning("release %s of %s takes no part in its rollout: %s", row.version, row.process, error)
        return None
