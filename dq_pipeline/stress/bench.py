"""What is put under stress: model, detector and scorer, made once of the undisturbed part of history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.policy import ActivePolicy, PolicyState, Refit, Window
from dq_pipeline.errors import DataError
from dq_pipeline.model.evaluation import window_error
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.replay.graded import Graded, grade, scorer_on
from dq_pipeline.replay.learner import Learner
from dq_pipeline.replay.watcher import Watcher
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.perturbations import Blow, Perturbation, Stretch, columns_hit, spread_between
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.stress.cause import MOST_BEFORE, Answers, Named, named, stretch, usual_answers
from dq_pipeline.triage.case import Stretch as Known

Floats = NDArray[np.float64]

LEAD = 25
"""Samples that come undisturbed before every perturbation."""
LEAST_AFTER = 20
KNOWN_ERRORS = 5
"""Windows of usual error that the policy knows of when a perturbation begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Struck:
    """Samples as they were once struck: what the model saw of them, and what was recorded in the end."""

    batch: SampleBatch
    early: Floats
    onset: int


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """One process under stress.

    Attributes
    ----------
    past
        What everything was learned from; nothing in it is ever struck.
    rest
        The samples after it, in stream order: those from number :data:`LEAD` on are struck.
    sensor
        Place of the sensor that is hit where one is.
    spread : (f,)
        How much each sensor differs from recording to recording.
    usual
        The newest of the past, as triage is shown it.
    """

    process: Process
    past: SampleBatch
    rest: SampleBatch
    learner: Learner
    watcher: Watcher
    scorer: QualityScorer
    sensor: int
    spread: Floats
    usual: Known
    seed: int

    @classmethod
    def on(
        cls, batch: SampleBatch, process: Process, history: int, *, sensor: str | None = None, seed: int = 0
    ) -> Bench:
        """Learn from the first `history` samples.

        Parameters
        ----------
        sensor
            The one to be hit where one is; by default the one that says most about the target.

        Raises
        ------
        DataError
            If too few samples are left to be struck, or the sensor is unknown.
        """
        check_room(len(batch), history)
        past, rest = batch.between(0, history), batch.between(history, len(batch))
        if sensor is not None and sensor not in process.sensor_names:
            raise DataError(f"Unknown sensor {sensor!r}. In {process.name}: {', '.join(process.sensor_names)}.")
        learner = Learner.on(batch, process, history, candidate={}, seed=seed)
        chosen = _telling(past, process) if sensor is None else process.sensor_names.index(sensor)
        scorer, rows = scorer_on(process, past), process.sample.horizon_rows
        dimensions = grade(past, scorer, process.quality.stated_threshold).dimensions
        answers = usual_answers(past, process, seed)
        known = stretch(past, answers, dimensions, learner.features, past.values[:, :rows], -history)
        return cls(
            process,
            past,
            rest,
            learner,
            Watcher.on(batch, process, history, seed=seed),
            scorer,
            chosen,
            spread_between(past.values),
            known.part(slice(max(history - MOST_BEFORE, 0), history)),
            seed,
        )

    def strike(self, one: Perturbation | None, severity: float) -> Struck:
        """The samples after the history, struck from number :data:`LEAD` on; None: left as they are."""
        rows = self.process.sample.horizon_rows
        if one is None:
            return Struck(self.rest, self.rest.values[:, :rows], LEAD)
        hit = self.rest.between(LEAD, len(self.rest))
        names = self.process.sensor_names
        blow = Blow(
            severity,
            rng_of(f"stress/{self.seed}/{one.name}"),  # of the kind: a higher rung hits the same places harder
            columns_hit(one, self.sensor, len(names)),
            self.spread,
            np.array([self.process.sensors[name].unit.startswith("log10") for name in names]),
            float(np.nanstd(self.past.target)) or 1.0,
        )
        stretch = one.strike(Stretch(hit.values, hit.values[:, :rows], hit.disordered, hit.target), blow)
        after = replace(hit, values=stretch.values, disordered=stretch.disordered, target=stretch.target)
        before = self.rest.between(0, LEAD)
        early = np.concatenate([before.values[:, :rows], stretch.early])
        return Struck(SampleBatch.concat([before, after]), early, LEAD)

    def answers(self, struck: Struck) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        """Value, lower and upper (n,) of the model's answers, and whether each interval or set holds the truth."""
        said = self.learner.model.predict(self.learner.features.matrix(struck.early))
        return said.value, said.lower, said.upper, said.covers(struck.batch.target)

    def graded(self, struck: Struck) -> Graded:
        """How good the recordings are."""
        return grade(struck.batch, self.scorer, self.process.quality.stated_threshold)

    def _errors_before(self, value: Floats) -> tuple[float, ...]:
        """Errors of the newest undisturbed windows, none of which the model that answered them had learned from."""
        step, usual = self.process.stream.min_samples, self.usual
        truth = np.concatenate([usual.target, self.rest.target[:LEAD]])
        said = np.concatenate([usual.value, value[:LEAD]])
        truth = np.where(np.isfinite(said), truth, np.nan)
        ends = [len(truth) - i * step for i in range(KNOWN_ERRORS, -1, -1)]
        spans = [slice(max(begin, 0), end) for begin, end in pairwise(ends) if end > 0]
        found = [window_error(truth[span], said[span], self.process.target.task) for span in spans]
        return tuple(error for error in found if error is not None)

    def put_down(self, struck: Struck, answers: Answers, graded: Graded, until: int) -> Named:
        """What triage says of the samples below number `until`."""
        found = stretch(struck.batch, answers, graded.dimensions, self.learner.features, struck.early, 0)
        return named(self.process, self.usual, found.part(slice(until)), struck.onset)

    def first_alarm(self, struck: Struck) -> int | None:
        """Number of the first sample that raises a drift alarm at or after the onset; None if none does."""
        watcher = self.watcher
        if watcher.detector is None:
            return None
        found = profile(struck.batch.head(watcher.bins.rows), watcher.bins)
        observed = watcher.detector.update(watcher.state, watcher.detector.readings(found))
        return next((int(alarm.sample) for alarm in observed.alarms if alarm.sample >= struck.onset), None)

    def first_error(self, struck: Struck, value: Floats) -> int | None:
        """Number of the last sample of the first window after the onset that the policy refits on for its error alone.

        Parameters
        ----------
        value : (n,)
            The model's answers.
        """
        step, task = self.process.stream.min_samples, self.process.target.task
        policy, state = ActivePolicy.of(self.process.drift), PolicyState(errors=self._errors_before(value))
        for first in range(struck.onset, len(value) - step + 1, step):
            now = slice(first, first + step)
            error = window_error(struck.batch.target[now], value[now], task)
            state, decided = policy.decide(state, Window(first, first + step, (), error))
            if Refit("error") in decided:
                return first + step - 1
        return None


def check_room(samples: int, history: int) -> None:
    """Raise DataError where too few of the samples are left after the history to be struck."""
    if not 0 < history <= samples - LEAD - LEAST_AFTER:
        raise DataError(
            f"at least {LEAD + LEAST_AFTER} samples after the history expected, found {samples - history} of "
            f"{samples}; give a smaller --history"
        )


def _telling(past: SampleBatch, process: Process) -> int:
    """Place of the sensor whose mean over the horizon goes with the target most (rank correlation)."""
    from scipy.stats import rankdata

    known = np.flatnonzero(np.isfinite(past.target))
    truth = rankdata(past.target[known])
    strength = np.zeros(len(process.sensor_names))
    for j in range(len(strength)):
        cells = past.values[known, : process.sample.horizon_rows, j]
        seen = np.isfinite(cells)
        mean = np.where(seen, cells, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        ranks = rankdata(mean)
        if ranks.std() > 0 and truth.std() > 0:
            strength[j] = abs(float(np.corrcoef(ranks, truth)[0, 1]))
    return int(np.argmax(strength))
