"""The ladder climbed: figures of every severity, and the first at which a stated limit is passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dq_pipeline.errors import DataError
from dq_pipeline.model.alarm import alarms
from dq_pipeline.model.evaluation import window_error
from dq_pipeline.model.inference import Prediction
from dq_pipeline.records import Cause
from dq_pipeline.simulate.ladders import PERTURBATIONS, befalls, perturbation
from dq_pipeline.simulate.perturbations import Perturbation
from dq_pipeline.stress.bench import Bench
from dq_pipeline.stress.cause import Answers, Named

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond what something counts as broken.

    Attributes
    ----------
    error_ratio
        Error, as a multiple of the undisturbed one.
    coverage_loss
        What the interval's coverage may lose against the undisturbed one.
    retained
        Share of recordings that must stay good enough; None: `quality.min_retained` of the process file.
    alarms_wrong
        What the share of wrong alarms of the process may gain.
    found_within
        Samples within which it has to be noticed.
    """

    error_ratio: float = 1.25
    coverage_loss: float = 0.1
    retained: float | None = None
    alarms_wrong: float = 0.05
    found_within: int = 100


@dataclass(frozen=True, slots=True)
class Rung:
    """Figures of the samples struck at one severity; severity 0: undisturbed.

    Attributes
    ----------
    error
        Mean absolute error, or share of wrong classes, of the model's answers.
    coverage, retained
        Shares; None where no truth is known.
    alarms_wrong
        Share of samples with an alarm that the truth does not bear out, or without one that it asks for; None for a
        process without alarms.
    found, by
        Samples until it was noticed, None if it was not; by the "drift" detector, or by the "error" alone (which knows
        each truth as soon as its window is over).
    cause, subject
        What triage says of it once it was found; empty where it was not asked.
    right
        Whether that is so; None where it was not asked, or called undetermined.
    """

    severity: float
    error: float | None
    coverage: float | None
    retained: float
    alarms_wrong: float | None
    found: int | None
    by: str = ""
    cause: str = ""
    subject: str = ""
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Climb:
    """One perturbation, from the mildest severity up.

    Attributes
    ----------
    breaks
        Limit -> first severity that passes it, None if none does: `error`, `coverage`, `retained`, `alarms`; `unseen`,
        the first at which the error is beyond its limit and nothing noticed in time; `misnamed`, the first that was
        found and put down to something else.
    """

    perturbation: str
    meaning: str
    sensor: str
    rungs: tuple[Rung, ...]
    breaks: dict[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def climb(
    bench: Bench, names: Sequence[str] = (), limits: Limits | None = None, progress: Progress | None = None
) -> tuple[Rung, tuple[Climb, ...]]:
    """Strike with each perturbation at each severity; the undisturbed rung comes first.

    Raises
    ------
    DataError
        If a perturbation is unknown, or one that is named cannot befall the process.
    """
    limits = limits or Limits()
    chosen = [perturbation(name) for name in names or PERTURBATIONS]
    task = bench.process.target.task
    if names and not all(befalls(one, task) for one in chosen):
        raise DataError(f"{bench.process.name}: other perturbations than concept expected, its target is a class")
    chosen = [one for one in chosen if befalls(one, task)]
    total = 1 + sum(len(one.ladder) for one in chosen)
    undisturbed = _rung(bench, None, 0.0)
    done, climbs = 1, []
    for one in chosen:
        rungs = []
        for severity in one.ladder:
            rungs.append(_rung(bench, one, severity))
            done += 1
            if progress is not None:
                progress(done, total, "stress")
        hit = bench.process.sensor_names[bench.sensor] if one.hits == "one" else ""
        found = breaks(undisturbed, rungs, limits, bench.process.quality.min_retained)
        climbs.append(Climb(one.name, one.meaning, hit, tuple(rungs), found))
    return undisturbed, tuple(climbs)


def breaks(usual: Rung, rungs: Sequence[Rung], limits: Limits, min_retained: float) -> dict[str, float | None]:
    """The first severity that passes each limit.

    Examples
    --------
    >>> usual = Rung(0.0, 1.0, 0.9, 1.0, None, None)
    >>> worse = [Rung(1.0, 1.1, 0.9, 1.0, None, 4), Rung(2.0, 1.5, 0.7, 0.9, None, None)]
    >>> breaks(usual, worse, Limits(), 0.5)
    {'error': 2.0, 'coverage': 2.0, 'retained': None, 'alarms': None, 'unseen': 2.0, 'misnamed': None}
    """
    least = min_retained if limits.retained is None else limits.retained

    def wrong(rung: Rung) -> bool:
        return usual.error is not None and rung.error is not None and rung.error > limits.error_ratio * usual.error

    def late(rung: Rung) -> bool:
        return rung.found is None or rung.found > limits.found_within

    tests: dict[str, Callable[[Rung], bool]] = {
        "error": wrong,
        "coverage": lambda rung: _gone(usual.coverage, rung.coverage) > limits.coverage_loss,
        "retained": lambda rung: rung.retained < least,
        "alarms": lambda rung: _gone(rung.alarms_wrong, usual.alarms_wrong) > limits.alarms_wrong,
        "unseen": lambda rung: wrong(rung) and late(rung),
        "misnamed": lambda rung: rung.right is False,
    }
    return {name: next((r.severity for r in rungs if broken(r)), None) for name, broken in tests.items()}


def _gone(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else high - low


def _rung(bench: Bench, one: Perturbation | None, severity: float) -> Rung:
    struck = bench.strike(one, severity)
    since = slice(struck.onset, len(struck.batch))
    value, lower, upper, covered = bench.answers(struck)
    truth = struck.batch.target[since]
    known = np.isfinite(truth)
    seen = {"drift": bench.first_alarm(struck)}
    seen["error"] = bench.first_error(struck, value)
    first, by = min(((at, name) for name, at in seen.items() if at is not None), default=(None, ""))
    graded, said = bench.graded(struck), Named()
    if one is not None and first is not None:  # one micro-batch after it was noticed
        until = min(first + bench.process.stream.min_samples, len(struck.batch))
        said = bench.put_down(struck, Answers(value, lower, upper), graded, until)
    right = None if one is None or said.cause in ("", Cause.UNDETERMINED) else _right(bench, one, said)
    return Rung(
        severity=severity,
        error=window_error(truth, value[since], bench.process.target.task),
        coverage=float(covered[since][known].mean()) if known.any() else None,
        retained=float(graded.accepted[since].mean()),
        alarms_wrong=_alarms_wrong(bench, Prediction(value[since], lower[since], upper[since]), truth),
        found=None if first is None else first - struck.onset + 1,
        by=by,
        cause=said.cause,
        subject=said.subject,
        right=right,
    )


def _right(bench: Bench, one: Perturbation, said: Named) -> bool:
    names = [str(cause) for cause in one.causes]
    if one.hits != "one":
        return said.cause in names
    return said.cause in names and said.subject in ("", bench.process.sensor_names[bench.sensor])


def _alarms_wrong(bench: Bench, said: Prediction, truth: np.typing.NDArray[np.float64]) -> float | None:
    rule = bench.process.alarm
    if rule is None:
        return None
    known = np.isfinite(truth)
    wanted = truth > rule.limit if rule.when == "above" else truth < rule.limit
    return float((alarms(rule, said) != wanted)[known].mean()) if known.any() else None
