"""The fault-injection benchmark: detectors of drift on the same streams, at the same rate of false alarms."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dq_pipeline.experiments.detection import tables
from dq_pipeline.experiments.detection.checks import Check, checks
from dq_pipeline.experiments.detection.distances import DISTANCES, UNTUNED
from dq_pipeline.experiments.detection.judge import Effort, Judged, judge
from dq_pipeline.experiments.detection.kinds import DRIFTS, EIGHT, FAULTS
from dq_pipeline.experiments.detection.own import Sequential, Window
from dq_pipeline.experiments.detection.peers import RIVER, Columns, Peer, PeerMissingError
from dq_pipeline.experiments.detection.unseen import concept, late
from dq_pipeline.experiments.experiment import Answer, Asked

LOCAL = (Sequential(), Sequential("sequential, own threshold", (0.0,), by_itself=True), Window(), *DISTANCES)
FULL, FULL_SLOW = Effort(tuning=60, runs=60, quiet=2000, more=20), Effort(tuning=8, runs=10, quiet=1000, more=0)
QUICK, QUICK_SLOW = Effort(tuning=3, runs=2, quiet=600, more=1), None
"""How much is watched, and of KSWIN, which takes 0.3 ms a value: nothing in a quick run."""
SLOW = "river KSWIN"


@dataclass(frozen=True, slots=True)
class _Taken:
    """One peer that ran itself, or why not."""

    check: Check
    judged: Judged | None = None


def run(asked: Asked) -> Answer:
    """Delays, false alarms, names and change points of our detectors and the peers'."""
    effort = QUICK if asked.quick else FULL
    slow = QUICK_SLOW if asked.quick else FULL_SLOW
    with ProcessPoolExecutor(os.cpu_count()) as pool, ThreadPoolExecutor(len(RIVER)) as threads:
        pool.submit(int).result()  # its processes are forked before there are threads
        asking = [threads.submit(_ask, name, slow if name == SLOW else effort) for name in RIVER]
        judged = _locally(effort, asked, pool)
        compared = checks()
        taken = [one.result() for one in asking]
    judged += [one.judged for one in taken if one.judged is not None]
    on_kinds = [one for one in judged if one.name != UNTUNED]
    return [
        tables.bars(on_kinds),
        tables.plot(on_kinds, EIGHT),
        *([tables.against(on_kinds, EIGHT)] if tables.places(on_kinds, EIGHT) else []),
        tables.delays("detectors/eight", "Mean delay, eight kinds of drift", on_kinds, EIGHT, _note(effort, slow)),
        tables.details("detectors/eight_details", "Eight kinds of drift in detail", on_kinds, EIGHT),
        tables.delays(
            "detectors/faults",
            "Mean delay, faults of sensors",
            on_kinds,
            FAULTS,
            f"{effort.more} runs a kind, else as above.",
        ),
        tables.details("detectors/faults_details", "Faults of sensors in detail", on_kinds, FAULTS),
        tables.delays("detectors/drifts", "Mean delay, drifts", on_kinds, DRIFTS, _of_drifts(effort)),
        tables.details("detectors/drifts_details", "Drifts in detail", on_kinds, DRIFTS),
        tables.unseen(
            {
                "concept-only": (
                    "errors of the model: 1.5 times their running median",
                    concept(range(effort.runs), effort.quiet),
                ),
                "late": ("timeliness: rows that came after later ones", late(range(min(effort.runs, 10)))),
            }
        ),
        tables.in_control(judged, _tuning_note(effort, slow), _own_seconds(compared)),
        tables.peers(compared, [one.check for one in taken]),
    ]


def _locally(effort: Effort, asked: Asked, pool: ProcessPoolExecutor) -> list[Judged]:
    """Our detectors and the distances, seeds spread over the cores."""
    done = 0

    def counted(results: Iterator[Any]) -> Iterator[Any]:
        nonlocal done
        for result in results:
            done += 1
            asked.report(done, effort.tuning + effort.runs, "references")
            yield result

    return judge(LOCAL, effort, lambda do, seeds: counted(pool.map(do, seeds)))


def _ask(name: str, effort: Effort | None) -> _Taken:
    """One of river's detectors in a process of its own."""
    if effort is None:
        return _Taken(Check(name, "", "left out of the quick run: it takes 0.3 ms a value"))
    argument, thresholds = RIVER[name]
    try:
        with Peer("river_columns.py", argument) as peer:
            judged = judge([Columns(name, peer, thresholds)], effort, map)[0]
            note = "on every sensor's mean and sd, a detector each"
            return _Taken(Check(name, peer.version.removeprefix("river "), note, seconds=judged.seconds), judged)
    except PeerMissingError as error:
        return _Taken(Check(name, "", str(error)))


def _own_seconds(compared: Sequence[Check]) -> dict[str, float]:
    """Of detectors on distances: what the libraries themselves take."""
    own = {one.peer: one.seconds for one in compared if one.seconds is not None}
    return {one.name: own[peer] for one in DISTANCES for peer in own if one.name.startswith(peer)}


def _note(effort: Effort, slow: Effort | None) -> str:
    few = "" if slow is None else f" ({slow.runs} of KSWIN, which is slow)"
    return (
        f"Mean samples to an alarm and their standard error, {effort.runs} runs{few}, every detector tuned to 1 false "
        "alarm per 1,000 on the same streams (but for the one at its own threshold). ADWIN "
        "looks every 4 samples, not 32; the detectors on windows have 25 samples in each and look every 5. 8 "
        "sensors of 60 rows, 200 reference samples, the change 300 samples after them; a miss counts 300."
    )


def _of_drifts(effort: Effort) -> str:
    return f"{effort.runs} runs of those that are among the eight, {effort.more} of the others."


def _tuning_note(effort: Effort, slow: Effort | None) -> str:
    few = "" if slow is None else f"; KSWIN {slow.tuning} and {slow.quiet}"
    return (
        f"Tuned to 1 false alarm per 1,000 on {effort.tuning} references, each with {effort.quiet} samples after it"
        f"{few}; the rates are of other streams."
    )
