"""Rivals of a policy that no deployment runs: the error alone, and as many refits at equal distances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from dq_pipeline.drift.policy import ActivePolicy, Decision, PolicyState, Refit, Window
from dq_pipeline.process import Drift


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """Refit where the window's error is at least `ratio` running medians; alarms are not looked at.

    Examples
    --------
    >>> ErrorPolicy(1.3).decide(PolicyState(errors=(1.0,) * 5), Window(0, 25, (3,), error=1.3))[1]
    (Refit(reason='error'),)
    """

    ratio: float = 1.5

    @classmethod
    def of(cls, _settings: Drift, /) -> Self:
        return cls()

    def decide(self, state: PolicyState, window: Window) -> tuple[PolicyState, tuple[Decision, ...]]:
        return ActivePolicy(error_ratio=self.ratio).decide(state, replace(window, alarms=()))


@dataclass(frozen=True, slots=True)
class PeriodicPolicy:
    """So many refits at equal distances: what knowing how often, but not when, is worth.

    Examples
    --------
    >>> policy, state, when = PeriodicPolicy(300, 500, 3), PolicyState(), []
    >>> for first in range(300, 500, 25):
    ...     state, decisions = policy.decide(state, Window(first, first + 25))
    ...     when += [first + 25] * len(decisions)
    >>> when
    [350, 400, 450]
    """

    first: int
    until: int
    refits: int

    @classmethod
    def of(cls, _settings: Drift, /) -> Self:
        return cls(0, 1, 0)

    def decide(self, state: PolicyState, window: Window) -> tuple[PolicyState, tuple[Decision, ...]]:
        pause = (self.until - self.first) / (self.refits + 1)
        due = min(int((window.until - self.first) / pause), self.refits)
        done = state.scheduled_from or 0
        return replace(state, scheduled_from=due), (Refit("schedule"),) if due > done else ()
