"""Drifts of what channels show: how soon they are found, and what is named first.

Every detector is tuned to 1 false alarm in 1,000 recordings on the same streams, in which nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.experiments.detection.judge import standard_error
from dq_pipeline.experiments.detection.protocol import tuned
from dq_pipeline.experiments.detection.streams import LONGEST
from dq_pipeline.experiments.experiment import Cell, rounded
from dq_pipeline.experiments.heterogeneous.changes import KINDS, case
from dq_pipeline.experiments.heterogeneous.watchers import CONTENDERS, Answer, Contender

TUNED_ON = 10_000
"""First seed of the streams that thresholds are found on."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is watched.

    Attributes
    ----------
    tuning, tuned_over
        Plants to tune on, and recordings after each reference.
    runs, quiet
        Plants to report on, and recordings after each reference in which nothing changes.
    worlds
        For detectors that find their own threshold.
    """

    tuning: int
    tuned_over: int
    runs: int
    quiet: int
    worlds: Worlds


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One detector: its threshold, and its answer to each of the runs."""

    contender: Contender
    threshold: float
    answers: tuple[Answer, ...]


def judge(effort: Effort, report: Callable[[int, int], None]) -> list[Judged]:
    """Tune each on plants of their own, then watch others."""
    tuning, runs = effort.tuning, effort.runs
    counts = np.zeros((len(CONTENDERS), max(len(one.thresholds) for one in CONTENDERS)))
    for k in range(tuning):
        report(k, tuning + runs)
        made = case(TUNED_ON + k, effort.tuned_over, {})
        for c, one in enumerate(CONTENDERS):
            if len(one.thresholds) > 1:
                found = one.watch(made, one.thresholds, TUNED_ON + k)
                counts[c, : len(found)] += [answer.alarms for answer in found]
    thresholds = [
        tuned(one.thresholds, counts[c, : len(one.thresholds)].tolist(), tuning * effort.tuned_over)
        for c, one in enumerate(CONTENDERS)
    ]
    answers: list[list[Answer]] = [[] for _ in CONTENDERS]
    for seed in range(runs):
        report(tuning + seed, tuning + runs)
        made = case(seed, effort.quiet, worlds=effort.worlds)
        for c, one in enumerate(CONTENDERS):
            answers[c] += one.watch(made, [thresholds[c]], seed) if seed < one.runs else []
    return [Judged(one, thresholds[c], tuple(answers[c])) for c, one in enumerate(CONTENDERS)]


def delays(found: Sequence[Judged]) -> list[dict[str, Cell]]:
    """Of the table: a row for each drift and tuned detector."""
    told: list[dict[str, Cell]] = []
    for k, (title, kind) in enumerate(KINDS.items()):
        for one in found:
            if len(one.contender.thresholds) == 1:
                continue
            of_kind = np.array([answer.delays[k] for answer in one.answers])
            named = [answer.columns[k] for answer in one.answers if answer.columns[k]]
            channel = kind.columns[0].partition("_")[0] + "_"
            of_channel = [float(name.startswith(channel)) for name in named] or [np.nan]
            of_columns = [float(name in kind.columns) for name in named] or [np.nan]
            told.append(
                {
                    "drift": title,
                    "detector": one.contender.name,
                    "mean delay, recordings": rounded(float(of_kind.mean()), 3),
                    "error": rounded(standard_error(of_kind), 2),
                    "missed": int((of_kind >= LONGEST).sum()),
                    "channel named first": rounded(float(np.mean(of_channel)), 3),
                    "category or column named first": rounded(float(np.mean(of_columns)), 3),
                }
            )
    return told


def in_control(found: Sequence[Judged], quiet: int) -> list[dict[str, Cell]]:
    """Of the table: false alarms of every detector."""
    told: list[dict[str, Cell]] = []
    for one in found:
        alarms = np.array([answer.alarms for answer in one.answers])
        told.append(
            {
                "detector": one.contender.name,
                "threshold": rounded(one.threshold, 3),
                "tuned": len(one.contender.thresholds) > 1,
                "false alarms per 1,000": rounded(1000.0 * float(alarms.mean()) / quiet, 3),
                "error": rounded(1000.0 * standard_error(alarms) / quiet, 2),
            }
        )
    return told
