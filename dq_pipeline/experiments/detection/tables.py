"""Tables of the fault-injection benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.detection.checks import Check
from dq_pipeline.experiments.detection.judge import Judged, Verdict, standard_error
from dq_pipeline.experiments.detection.kinds import EIGHT, UNSEEN, Kind
from dq_pipeline.experiments.detection.streams import LONGEST
from dq_pipeline.experiments.detection.unseen import Seen
from dq_pipeline.experiments.experiment import Bar, Cell, Plot, Table, rounded
from dq_pipeline.experiments.experiment import bars as table_of_bars

OURS, OWN = "sequential", ("sequential", "sequential, own threshold", "window")
SLACK, LOWEST_ON, NAMED = 1.25, 6, 0.95
"""The bars: at most so much behind the best, the lowest delay on so many of the eight, named so often."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where our sequential detector stands on one kind: its mean delay, and the best peer's.

    Attributes
    ----------
    error
        Standard error of the difference, over the runs that both were made on: the streams are the same.
    """

    kind: str
    ours: float
    peer: str
    theirs: float
    error: float = float("nan")


def places(judged: Sequence[Judged], kinds: Mapping[str, Kind]) -> list[Place]:
    """On each kind; peers that were not tuned to the same rate of false alarms do not compete."""
    ours = next(one for one in judged if one.name == OURS)
    peers = [one for one in judged if one.name not in OWN and one.tuned]
    found = []
    for name, kind in kinds.items():
        theirs = [(one.verdicts[kind.title].delays, one.name) for one in peers if kind.title in one.verdicts]
        if theirs and kind.title in ours.verdicts and name not in UNSEEN:
            best, who = min(theirs, key=lambda one: float(one[0].mean()))
            own = ours.verdicts[kind.title].delays
            error = standard_error(own[: len(best)] - best)
            found.append(Place(name, float(own.mean()), who, float(best.mean()), error))
    return found


def behind(found: Sequence[Place]) -> str:
    """Which peer is better where; the first sentence of a note.

    Examples
    --------
    >>> behind([Place("all means", 34.0, "frouros JS, mean", 29.3), Place("one mean", 33.5, "river ADWIN", 47.5)])
    'A peer is better: on all means frouros JS, mean (29.3 against 34.0).'
    >>> behind([Place("one mean", 33.5, "river ADWIN", 47.5)])
    'No peer has a lower mean delay on any of these kinds.'
    """
    if not found:
        return "No peer took part."
    better = [
        f"on {one.kind} {one.peer} ({one.theirs:.1f} against {one.ours:.1f})" for one in found if one.theirs < one.ours
    ]
    if not better:
        return "No peer has a lower mean delay on any of these kinds."
    return f"A peer is better: {'; '.join(better)}."


def delays(name: str, title: str, judged: Sequence[Judged], kinds: Mapping[str, Kind], note: str) -> Table:
    """Mean delays with their standard errors: kinds by detectors."""
    rows = []
    for kind_name, kind in kinds.items():
        row: dict[str, Cell] = {"kind": kind_name, "what changes": kind.title}
        for one in judged:
            verdict = one.verdicts.get(kind.title)
            row[one.name] = None if verdict is None else _with_error(verdict.delays)
        rows.append(row)
    return Table(name, title, f"{behind(places(judged, kinds))} {note}", tuple(rows))


def against(judged: Sequence[Judged], kinds: Mapping[str, Kind]) -> Table:
    """The sequential detector beside the best peer of each kind."""
    found = places(judged, kinds)
    rows = tuple(
        {
            "kind": one.kind,
            "sequential (samples)": rounded(one.ours),
            "best peer": one.peer,
            "its delay (samples)": rounded(one.theirs),
            "sequential over it": rounded(one.ours / one.theirs, 3),
            "difference (samples)": rounded(one.ours - one.theirs, 3),
            "standard error": rounded(one.error, 3),
        }
        for one in found
    )
    note = f"{behind(found)} The standard error of the difference is over runs on the same streams."
    return Table("detectors/against", "Sequential detector beside the best peer, by mean delay", note, rows)


def details(name: str, title: str, judged: Sequence[Judged], kinds: Mapping[str, Kind]) -> Table:
    """All that was measured of every kind and detector."""
    rows = [
        _detail(kind_name, one, one.verdicts[kind.title])
        for kind_name, kind in kinds.items()
        for one in judged
        if kind.title in one.verdicts
    ]
    note = (
        "Delay: samples of the change up to and with the one that alarms, a miss counted as 300. Of the runs with an "
        "alarm: the changed sensor named first (either of two), and the change point within 10 samples; empty where "
        "all sensors change or the detector says nothing of it. "
        f"No detector on the inputs sees {' or '.join(UNSEEN)}: what is found of them is chance."
    )
    return Table(name, title, note, tuple(rows))


def _detail(kind_name: str, one: Judged, verdict: Verdict) -> dict[str, Cell]:
    return {
        "kind": kind_name,
        "detector": one.name,
        "runs": len(verdict.delays),
        "mean delay (samples)": rounded(float(verdict.delays.mean())),
        "standard error": rounded(standard_error(verdict.delays), 3),
        "missed (%)": _percent(verdict.missed),
        "sensor named first (%)": _percent(verdict.named),
        "change point within 10 (%)": _percent(verdict.dated),
        "can be seen": kind_name not in UNSEEN,
    }


def in_control(judged: Sequence[Judged], effort_note: str, seconds: Mapping[str, float]) -> Table:
    """Thresholds, what they cost in false alarms, and time."""
    rows = tuple(
        {
            "detector": one.name,
            "threshold": rounded(one.threshold),
            "tuned": one.tuned,
            "false alarms per 1,000": rounded(one.rate, 3),
            "standard error": rounded(one.rate_error, 3),
            "samples": len(one.alarms) * one.quiet,
            "seconds per 1,000 samples": rounded(seconds.get(one.name, one.seconds), 3),
        }
        for one in judged
    )
    note = (
        f"{effort_note} Thresholds by detector: of the statistic (sequential; its own is added to that of every "
        "reference), -log tau (window), of the distance, -log10 of delta (ADWIN) or of the p-value (KSWIN), lambda "
        "(Page-Hinkley). Seconds of one core from raw readings, without fitting; of distances the library's own."
    )
    return Table("detectors/in_control", "False alarms and time where nothing changes", note, rows)


def bars(judged: Sequence[Judged]) -> Table:
    """What the sequential detector is meant to hold over the eight kinds, and whether it does."""
    found = places(judged, EIGHT)
    ours = next(one for one in judged if one.name == OURS)
    verdicts = {name: ours.verdicts[kind.title] for name, kind in EIGHT.items()}
    named = [v.named for name, v in verdicts.items() if len(EIGHT[name].sensors) == 1]
    lowest = sum(one.ours <= one.theirs for one in found)
    worst = max((one.ours / one.theirs for one in found), default=float("nan"))
    missed = int(sum(verdict.missed.sum() for verdict in verdicts.values()))
    least = min(_mean(one) for one in named)
    peers, kinds = "the best peer on the same streams", "eight kinds"
    held = [
        Bar("kinds with the lowest mean delay", lowest, f"of {len(EIGHT)}", peers, LOWEST_ON),
        Bar("largest mean delay over the best peer's", worst, "x", peers, SLACK, most=True),
    ]
    alone = [
        Bar("changes missed", missed, "runs", kinds, 0, most=True),
        Bar("sensor named first, least of the single-sensor kinds", least, "share", kinds, NAMED),
    ]
    title = "Sequential detector against its bars"
    return table_of_bars("detectors", title, behind(found), [*(held if found else []), *alone])


def peers(checks: Sequence[Check], started: Sequence[Check]) -> Table:
    """Who took part, and whose numbers are whose."""
    rows = tuple(
        {
            "peer": one.peer,
            "version": one.version or None,
            "note": one.note,
            "largest difference from its own answer": rounded(one.difference, 2)
            if one.difference is not None
            else None,
            "its own seconds per 1,000 samples": rounded(one.seconds, 3) if one.seconds is not None else None,
        }
        for one in (*checks, *started)
    )
    note = (
        "river runs itself. Distances of the others are computed here from a reference sorted once, for at their own "
        "pace a full run would take hours; their own answers to a few windows stand beside ours. alibi-detect's "
        "KSDrift is SciPy's KS with Bonferroni's correction, and shares its row in the tables."
    )
    return Table("detectors/peers", "Peers", note, rows)


def unseen(found: Mapping[str, tuple[str, Seen]]) -> Table:
    """What sees the kinds that the inputs do not show."""
    rows = tuple(
        {
            "kind": kind,
            "seen by": by,
            "runs": len(seen.delays),
            "mean delay (samples)": rounded(float(np.mean(seen.delays))),
            "standard error": rounded(standard_error(np.array(seen.delays)), 3),
            "missed (%)": _percent(np.array([float(delay >= LONGEST) for delay in seen.delays])),
            "false alarms per 1,000": rounded(1000.0 * float(np.mean(seen.alarms)) / seen.quiet, 3),
        }
        for kind, (by, seen) in found.items()
    )
    note = (
        "The readings are the same before and after, so that no detector on the inputs can see these kinds. An error "
        "is known only when the target is; late rows are put where their times say, and are counted."
    )
    return Table("detectors/unseen", "Kinds that the inputs do not show", note, rows)


def _with_error(values: NDArray[np.float64]) -> str:
    error = standard_error(values)
    return f"{values.mean():.1f}" + ("" if np.isnan(error) else f" +- {error:.1f}")


def _mean(shares: NDArray[np.float64]) -> float:
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if known.size else float("nan")


def _percent(shares: NDArray[np.float64]) -> float | None:
    return rounded(100.0 * _mean(shares))


def plot(judged: Sequence[Judged], kinds: Mapping[str, Kind]) -> Plot:
    """Mean delays with their standard errors as bars, on a logarithmic axis."""
    data = []
    for one in judged:
        known = {name: one.verdicts[kind.title].delays for name, kind in kinds.items() if kind.title in one.verdicts}
        errors = [standard_error(delays) for delays in known.values()]
        data.append(
            {
                "type": "bar",
                "name": one.name,
                "x": list(known),
                "y": [float(delays.mean()) for delays in known.values()],
                "error_y": {"type": "data", "array": [None if np.isnan(error) else error for error in errors]},
            }
        )
    layout = {
        "title": {"text": "Mean delay in samples at 1 false alarm per 1,000"},
        "yaxis": {"type": "log", "title": {"text": "samples, 300 is a miss"}},
        "barmode": "group",
    }
    return Plot("detectors/eight_plot", {"data": data, "layout": layout})
