"""The regimes a replay has seen, and the return to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dq_pipeline.drift.regimes import Candidate, Recognition, recognise
from dq_pipeline.replay.learner import Learner
from dq_pipeline.replay.watcher import Watcher
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.challenger import rng_of


@dataclass(frozen=True, slots=True, eq=False)
class Regime:
    """What answered, and what was looked for, while a regime lasted."""

    learner: Learner
    watcher: Watcher

    @property
    def name(self) -> str:
        """The first sample of its reference: a longer reference of the same regime has it too."""
        return str(self.watcher.first)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Past regimes by name, the longest left first.

    Attributes
    ----------
    keep
        How many; 0 remembers nothing.
    leaving
        What was in charge when the open event began.
    """

    keep: int
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    leaving: Regime | None = None

    def leave(self, regime: Regime) -> Memory:
        """An event opened: this one may be over."""
        return replace(self, leaving=regime)

    def left(self) -> Memory:
        """The event is over, and with it the regime before."""
        if not self.keep or self.leaving is None:
            return replace(self, leaving=None)
        others = [(name, one) for name, one in self.regimes.items() if name != self.leaving.name]
        return replace(self, regimes=dict([*others, (self.leaving.name, self.leaving)][-self.keep :]), leaving=None)

    def recognised(self, batch: SampleBatch, first: int, until: int, *, seed: int) -> Recognition | None:
        """The past regime that the samples ``first <= number < until`` look like, the one just left not among them."""
        here = None if self.leaving is None else self.leaving.name
        candidates = [
            Candidate(
                name,
                one.watcher.profile(batch, one.watcher.first, one.watcher.until),
                one.watcher.profile(batch, first, until),
            )
            for name, one in self.regimes.items()
            if name != here
        ]
        return recognise(candidates, rng=rng_of(f"replay/{seed}/regimes/{until}"))
