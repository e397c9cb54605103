"""Policies: what to do about alarms and errors. Pure: a state and a window in, a state and decisions out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError

Floats = NDArray[np.float64]


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
    """Refit the model now: after an alarm, because targets are late, the error is large, or the new regime settled."""

    reason: Literal["alarm", "targets_late", "error", "settled"]


@dataclass(frozen=True, slots=True)
class RefitDetector:
    """Fit detector and reference anew on the samples ``first <= number < until``; the event is then over."""

    first: int
    until: int


Decision = OpenEvent | JoinEvent | Refit | RefitDetector


@dataclass(frozen=True, slots=True)
class ActiveState:
    """What the active policy remembers.

    Attributes
    ----------
    errors
        Of the last windows that had targets, the oldest first.
    reference_from
        Where the open event's reference begins; None without an open event.
    """

    errors: tuple[float, ...] = ()
    reference_from: int | None = None

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
            begin = state["reference_from"]
            return cls(tuple(float(x) for x in state["errors"]), None if begin is None else int(begin))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"Expected a state of the active policy, found {state!r}") from error


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
    weight_decay_samples, weight_floor
        A refit weighs a sample by ``exp(-age / weight_decay_samples) + weight_floor``.

    Examples
    --------
    >>> policy = ActivePolicy()
    >>> state, decisions = policy.decide(policy.start(), Window(500, 525, alarms=(520,)))
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
    weight_decay_samples: float = 300.0
    weight_floor: float = 0.05

    def start(self) -> ActiveState:
        """The state before the first window."""
        return ActiveState()

    def decide(self, state: ActiveState, window: Window) -> tuple[ActiveState, tuple[Decision, ...]]:
        """Take one window in.

        Returns
        -------
        ActiveState
        tuple of Decision
            What to do, in this order; empty for nothing. At most one `Refit` and one `RefitDetector`.
        """
        ratio = self._error_in_medians(state, window.error)
        begin = state.reference_from
        decisions: list[Decision] = []
        refit: Refit | None = None
        for alarm in window.alarms:
            if begin is not None:
                decisions.append(JoinEvent(alarm))
                continue
            begin = max(alarm - self.lead_samples, window.first)
            decisions.append(OpenEvent(alarm, begin))
            if window.error is None:
                refit = Refit("targets_late")
            elif ratio is None or ratio >= self.alarm_error_ratio:
                refit = Refit("alarm")
        if refit is None and ratio is not None and ratio >= self.error_ratio:
            refit = Refit("error")
        if begin is not None and window.until - begin >= self.settle_samples:
            decisions.append(RefitDetector(begin, window.until))
            begin = None
            if refit is None and (ratio is None or ratio >= 1.0):
                refit = Refit("settled")
        if refit is not None:
            decisions.append(refit)
        known = state.errors if window.error is None else (*state.errors, window.error)
        return ActiveState(known[-self.median_windows :], begin), tuple(decisions)

    def refit_weights(self, ages: Floats) -> Floats:
        """Weights of a refit's samples by their age in samples."""
        return np.asarray(np.exp(-ages / self.weight_decay_samples) + self.weight_floor)

    def _error_in_medians(self, state: ActiveState, error: float | None) -> float | None:
        if error is None or len(state.errors) < self.least_windows:
            return None
        middle = median(state.errors)
        if middle > 0.0:
            return error / middle
        return float("inf") if error > 0.0 else 1.0


class Policy(Protocol):
    """A policy decides and does not act; whoever calls it stores the state with what was done."""

    def start(self) -> Any:
        """The state before the first window."""
        ...

    def decide(self, state: Any, window: Window) -> tuple[Any, tuple[Decision, ...]]:
        """Take one window in."""
        ...

    def refit_weights(self, ages: Floats) -> Floats:
        """Weights of a refit's samples by their age in samples."""
        ...


POLICIES: MappingProxyType[str, type[Policy]] = MappingProxyType({"active": ActivePolicy})
"""Policies by the name that a process file gives them."""
