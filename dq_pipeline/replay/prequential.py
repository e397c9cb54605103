"""The prequential run: predict the next samples, take their truth in, adapt if the policy says so, go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.policy import Decision, OpenEvent, Policy, PolicyState, Refit, RefitDetector, Window
from dq_pipeline.errors import DataError
from dq_pipeline.model.boosting import Candidate
from dq_pipeline.model.evaluation import window_error
from dq_pipeline.process import Process
from dq_pipeline.replay.learner import Learner
from dq_pipeline.replay.memory import Memory, Regime
from dq_pipeline.replay.watcher import Watcher
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.decide import FULL_REFERENCE

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a replay goes.

    Attributes
    ----------
    history
        Samples at the beginning that are learned from and not predicted; the detector's first reference.
    step
        Samples predicted at a time, as a micro-batch is.
    late
        Samples that come between a sample and its target; 0: the truth is known as soon as the window is over.
    candidate
        Settings of the trees, on top of the published ones; None: each refit searches, as a deployment does.
    seed
        Of every random number.
    """

    history: int
    step: int = 25
    late: int = 0
    candidate: Candidate | None = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What was done after the window that ended before sample `at`: `kind` is "refit", "reference" or "reinstate"."""

    at: int
    kind: str
    why: str
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a replay found. Samples keep the numbers they have in the whole history.

    Attributes
    ----------
    first
        The first sample predicted.
    truth, predicted, lower, upper : (n,)
        Of the samples from `first` on; NaN where a truth is not known.
    statistic, threshold : (n,)
        Of the detector; NaN where none could be fitted.
    calibrated : (n,)
        Whether the detector in charge could promise its budget.
    alarms, sensors
        Numbers of the samples that raised one, and the leading sensor of each.
    elapsed : (windows,)
        Seconds since the beginning, after each window.
    """

    first: int
    step: int
    truth: Floats
    predicted: Floats
    lower: Floats
    upper: Floats
    statistic: Floats
    threshold: Floats
    calibrated: NDArray[np.bool_]
    alarms: tuple[int, ...]
    sensors: tuple[str, ...]
    adaptations: tuple[Adaptation, ...]
    elapsed: Floats

    def of_kind(self, kind: str) -> tuple[Adaptation, ...]:
        """The adaptations of one kind."""
        return tuple(adaptation for adaptation in self.adaptations if adaptation.kind == kind)


def silent(_done: int, _total: int, _what: str) -> None:
    """Nobody watches."""


def replay(
    batch: SampleBatch, process: Process, policy: Policy, plan: Plan, *, what: str = "", progress: Progress = silent
) -> Run:
    """Run a policy over history in time order.

    Every sample is predicted by a model, and tested by a detector, that have seen only windows before its own; what is
    fitted, and how, is what the deployment fits. Left out is what needs a ledger: quality thresholds, gates, probation.

    Parameters
    ----------
    batch
        Completed samples in stream order with their targets; those that failed the form gate are not among them.

    Raises
    ------
    DataError
        If nothing is left to predict after the history, or too little of it is labelled.
    """
    n = len(batch)
    if not 0 < plan.history < n:
        raise DataError(f"a history of fewer than the {n} samples there are expected, found {plan.history}")
    began = time.perf_counter()
    watcher = Watcher.on(batch, process, plan.history, seed=plan.seed)
    learner = Learner.on(batch, process, plan.history, seed=plan.seed, candidate=plan.candidate)
    memory = Memory(process.drift.regimes)
    predicted, lower, upper, statistic, threshold = np.full((5, n), np.nan)
    calibrated = np.zeros(n, dtype=np.bool_)
    alarms: list[int] = []
    sensors: list[str] = []
    done: list[Adaptation] = []
    elapsed: list[float] = []
    state = PolicyState()
    for first in range(plan.history, n, plan.step):
        until = min(first + plan.step, n)
        now = slice(first, until)
        said = learner.predict(batch, first, until)
        predicted[now], lower[now], upper[now] = said.value, said.lower, said.upper
        threshold[now], calibrated[now] = watcher.threshold, watcher.calibrated
        watcher, seen = watcher.see(batch, first, until)
        statistic[now] = seen.statistic
        alarms += seen.alarms
        sensors += seen.sensors
        error = None if plan.late else window_error(batch.target[now], said.value, process.target.task)
        before, turn_began = state.reference_from, time.perf_counter()
        state, decisions = policy.decide(state, Window(first, until, seen.alarms, error))
        if before is None and any(isinstance(decision, OpenEvent) for decision in decisions):
            memory = memory.leave(Regime(learner, watcher))
        regime, why = _recurring(memory, batch, now, decisions, state, error, process, plan)
        if regime is not None:
            learner, watcher, memory = regime.learner, regime.watcher.restarted(until), memory.left()
            state, decisions = replace(state, reference_from=None), ()
            done.append(Adaptation(until, "reinstate", why, time.perf_counter() - turn_began))
        if any(isinstance(decision, RefitDetector) for decision in decisions):
            memory = memory.left()
        else:
            decisions = (*decisions, *_renewal(watcher, state, until))
        for decision in decisions:
            learner, watcher, acted = _act(decision, learner, watcher, batch, until, plan)
            done += acted
        elapsed.append(time.perf_counter() - began)
        progress(until - plan.history, n - plan.history, what)
    rest = slice(plan.history, n)
    return Run(
        first=plan.history,
        step=plan.step,
        truth=batch.target[rest],
        predicted=predicted[rest],
        lower=lower[rest],
        upper=upper[rest],
        statistic=statistic[rest],
        threshold=threshold[rest],
        calibrated=calibrated[rest],
        alarms=tuple(alarms),
        sensors=tuple(sensors),
        adaptations=tuple(done),
        elapsed=np.array(elapsed),
    )


def _recurring(
    memory: Memory,
    batch: SampleBatch,
    now: slice,
    decisions: tuple[Decision, ...],
    state: PolicyState,
    error: float | None,
    process: Process,
    plan: Plan,
) -> tuple[Regime | None, str]:
    """The past regime to put back, while an event is open: recognised, and where truths are known no worse on them."""
    settled = [decision.first for decision in decisions if isinstance(decision, RefitDetector)]
    begin = settled[0] if settled else state.reference_from
    if begin is None or not memory.regimes:
        return None, ""
    found = memory.recognised(batch, begin, now.stop, seed=plan.seed)
    if found is None:
        return None, ""
    regime = memory.regimes[found.name]
    if error is not None:
        said = regime.learner.predict(batch, now.start, now.stop).value
        theirs = window_error(batch.target[now], said, process.target.task)
        if theirs is None or theirs > error:
            return None, ""
    return regime, f"the regime of sample {found.name} is back (p = {found.p:.2g})"


def _renewal(watcher: Watcher, state: PolicyState, until: int) -> tuple[Decision, ...]:
    """A reference that was short is fitted anew once enough samples of its regime have come, as `steps.decide` does."""
    due = watcher.short and state.reference_from is None and watcher.first > 0
    return (RefitDetector(watcher.first, until),) if due and until - watcher.first >= FULL_REFERENCE else ()


def _act(
    decision: Decision, learner: Learner, watcher: Watcher, batch: SampleBatch, until: int, plan: Plan
) -> tuple[Learner, Watcher, list[Adaptation]]:
    began = time.perf_counter()
    if isinstance(decision, Refit):
        learner = learner.refitted(batch, until - plan.late)
        return learner, watcher, [Adaptation(until, "refit", decision.reason, time.perf_counter() - began)]
    if isinstance(decision, RefitDetector):
        watcher = watcher.renewed(batch, decision.first, decision.until)
        why = f"samples {decision.first} to {decision.until - 1}"
        return learner, watcher, [Adaptation(until, "reference", why, time.perf_counter() - began)]
    return learner, watcher, []
