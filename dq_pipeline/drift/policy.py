"""Policies: what to do about alarms and errors. Pure: a state and a window in, a state and decisions out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from statistics import median
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self

from dq_pipeline.errors import DataError
from dq_pipeline.process import Drift


@dataclass(frozen=True, slots=True)
class Window:
    """What one micro-batch showed. Samples are numbered along the stream, across detectors.

    Attributes
    ----------
    first, until
        Its samples are ``first <= number < until``.
    alarms
        Numbers of the samples that raised an alarm, ascending.
    error
        The model's error on the window; None while targets are late.
    """

    first: int
    until: int
    alarms: tuple[int, ...] = ()
    error: float | None = None


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """A drift event opens; its new reference begins at sample `reference_from`."""

    alarm: int
    reference_from: int


@dataclass(frozen=True, slots=True)
class JoinEvent:
    """A further alarm belongs to the open event."""

    alarm: int


@dataclass(frozen=True, slots=True)
class Refit:
    """Refit the model now: an alarm came, targets are late, the error is large, the regime settled, or it is time."""

    reason: Literal["alarm", "targets_late", "error", "settled", "schedule"]


@dataclass(frozen=True, slots=True)
class RefitDetector:
    """Fit detector and reference anew on the samples ``first <= number < until``; the event is then over."""

    first: int
    until: int


Decision = OpenEvent | JoinEvent | Refit | RefitDetector


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a policy remembers.

    Attributes
    ----------
    errors
        Of the last windows that had targets, the oldest first.
    reference_from
        Where the open event's reference begins; None without an open event.
    scheduled_from
        The sample that the schedule of refits counts from; None before the first window.
    """

    errors: tuple[float, ...] = ()
    reference_from: int | None = None
    scheduled_from: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict that JSON can hold."""
        return asdict(self) | {"errors": list(self.errors)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        """The state of :meth:`to_json`.

        Raises
        ------
        DataError
            If it is not such a state.
        """
        try:
            numbers = (None if state[key] is None else int(state[key]) for key in ("reference_from", "scheduled_from"))
            return cls(tuple(float(x) for x in state["errors"]), *numbers)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"Expected a state of a policy, found {state!r}") from error


class Policy(Protocol):
    """A policy decides and does not act; whoever calls it stores the state with what was done."""

    @classmethod
    def of(cls, settings: Drift, /) -> Self:
        """The policy with the settings of a process file."""
        ...

    def decide(self, state: PolicyState, window: Window) -> tuple[PolicyState, tuple[Decision, ...]]:
        """Take one window in.

        Returns
        -------
        PolicyState
        tuple of Decision
            What to do, in this order; empty for nothing. At most one `Refit` and one `RefitDetector`.
        """
        ...


@dataclass(frozen=True, slots=True)
class StaticPolicy:
    """Never adapt: the first release answers for good. Alarms are gathered in one event.

    Examples
    --------
    >>> StaticPolicy().decide(PolicyState(), Window(500, 525, alarms=(520, 524), error=9.0))[1]
    (OpenEvent(alarm=520, reference_from=500), JoinEvent(alarm=524))
    """

    @classmethod
    def of(cls, _settings: Drift, /) -> Self:
        return cls()

    def decide(self, state: PolicyState, window: Window) -> tuple[PolicyState, tuple[Decision, ...]]:
        begin, events = _gathered(state.reference_from, window, lead_samples=window.until - window.first)
        return replace(state, reference_from=begin), events


@dataclass(frozen=True, slots=True)
class PassivePolicy:
    """Refit on schedule, whatever the detector says; an alarm renews the reference alone.

    Attributes
    ----------
    every
        Samples from one refit to the next.
    lead_samples, settle_samples
        As of :class:`ActivePolicy`.

    Examples
    --------
    >>> policy = PassivePolicy(every=50)
    >>> state, decisions = policy.decide(PolicyState(), Window(500, 525))
    >>> decisions
    ()
    >>> policy.decide(state, Window(525, 550))[1]
    (Refit(reason='schedule'),)
    """

    every: int = 50
    lead_samples: int = 10
    settle_samples: int = 100

    @classmethod
    def of(cls, settings: Drift, /) -> Self:
        return cls(settings.passive_every, settings.lead_in, settings.refit_after)

    def decide(self, state: PolicyState, window: Window) -> tuple[PolicyState, tuple[Decision, ...]]:
        begin, decisions = _gathered(state.reference_from, window, self.lead_samples)
        if begin is not None and window.until - begin >= self.settle_samples:
            decisions = (*decisions, RefitDetector(begin, window.until))
            begin = None
        since = window.first if state.scheduled_from is None else state.scheduled_from
        if window.until - since >= self.every:
            decisions = (*decisions, Refit("schedule"))
            since += (window.until - since) // self.every * self.every
        return replace(state, reference_from=begin, scheduled_from=since), decisions


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """Adapt where an alarm or the error asks for it.

    Attributes
    ----------
    alarm_error_ratio
        After an alarm the model is refitted at once if the window's error is at least this many running medians.
    error_ratio
        So it is without any alarm from this many on.
    median_windows
        Windows the running median is taken over; the current one is not among them.
    least_windows
        With fewer windows there is no median, and an error alone decides nothing.
    lead_samples
        The new reference begins this many samples before the alarm, never before the alarm's micro-batch.
    settle_samples
        Samples of the new regime on which detector and reference are fitted anew.

    Examples
    --------
    >>> policy = ActivePolicy()
    >>> state, decisions = policy.decide(PolicyState(), Window(500, 525, alarms=(520,)))
    >>> decisions
    (OpenEvent(alarm=520, reference_from=510), Refit(reason='targets_late'))
    >>> policy.decide(state, Window(525, 615))[1]
    (RefitDetector(first=510, until=615), Refit(reason='settled'))
    """

    alarm_error_ratio: float = 1.3
    error_ratio: float = 1.5
    median_windows: int = 40
    least_windows: int = 5
    lead_samples: int = 10
    settle_samples: int = 100

    @classmethod
    def of(cls, settings: Drift, /) -> Self:
        return cls(lead_samples=settings.lead_in, settle_samples=settings.refit_after)

    def decide(self, state: PolicyState, window: Window) -> tuple[PolicyState, tuple[Decision, ...]]:
        ratio = self._error_in_medians(state, window.error)
        begin, decisions = _gathered(state.reference_from, window, self.lead_samples)
        refit: Refit | None = None
        if any(isinstance(decision, OpenEvent) for decision in decisions):
            if window.error is None:
                refit = Refit("targets_late")
            elif ratio is None or ratio >= self.alarm_error_ratio:
                refit = Refit("alarm")
        if refit is None and ratio is not None and ratio >= self.error_ratio:
            refit = Refit("error")
        if begin is not None and window.until - begin >= self.settle_samples:
            decisions = (*decisions, RefitDetector(begin, window.until))
            begin = None
            if refit is None and (ratio is None or ratio >= 1.0):
                refit = Refit("settled")
        if refit is not None:
            decisions = (*decisions, refit)
        known = state.errors if window.error is None else (*state.errors, window.error)
        return replace(state, errors=known[-self.median_windows :], reference_from=begin), decisions

    def _error_in_medians(self, state: PolicyState, error: float | None) -> float | None:
        if error is None or len(state.errors) < self.least_windows:
            return None
        middle = median(state.errors)
        if middle > 0.0:
            return error / middle
        return float("inf") if error > 0.0 else 1.0


def _gathered(begin: int | None, window: Window, lead_samples: int) -> tuple[int | None, tuple[Decision, ...]]:
    """Open an event with the first alarm and let the others join; with it, where the event's reference begins."""
    decisions: list[Decision] = []
    for alarm in window.alarms:
        if begin is not None:
            decisions.append(JoinEvent(alarm))
            continue
        begin = max(alarm - lead_samples, window.first)
        decisions.append(OpenEvent(alarm, begin))
    return begin, tuple(decisions)


POLICIES: MappingProxyType[str, type[Policy]] = MappingProxyType(
    {"active": ActivePolicy, "passive": PassivePolicy, "static": StaticPolicy}
)
"""Policies by the name that a process file gives them."""


def policy_of(settings: Drift) -> Policy:
    """The policy that a process file names.

    Examples
    --------
    >>> policy_of(Drift(policy="passive", passive_every=75))
    PassivePolicy(every=75, lead_samples=10, settle_samples=100)
    """
    return POLICIES[settings.policy].of(settings)
