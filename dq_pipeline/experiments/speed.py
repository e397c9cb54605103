"""How long a window takes, ours and the peers': 50 pump-downs (1200 x 10) beside a reference of 500 of them.

What is done to the reference beforehand counts on no side, but for evidently and SciPy, which prepare none. Times are
those of the processor, medians over a few windows, one side after the other on one machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments.data import batch_of, recordings
from dq_pipeline.experiments.detection.peers import Peer, PeerMissingError
from dq_pipeline.experiments.experiment import Answer, Asked, Bar, Cell, Table, bars, rounded
from dq_pipeline.experiments.made_up import made_batch, made_process
from dq_pipeline.experiments.timing import median_seconds
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.steps.reference import fit_scorer, with_faults

Floats = NDArray[np.float64]
Times = Mapping[str, float | str]
"""Seconds by who took them; text says why there are none."""

REFERENCE, WINDOW, TURNS = 500, 50, 7
EVIDENTLY = "evidently DataDriftPreset"
WIDE, WIDE_ROWS = 1000, 60


def run(asked: Asked) -> Answer:
    """Three tables: drift, profile, and many columns."""
    samples = 100 if asked.quick else REFERENCE
    process, found = recordings(asked, "vacuum", samples + WINDOW)
    batch = batch_of(process, found).head(process.sample.profile_rows)
    known, window = batch.between(0, samples), batch.between(samples, len(batch))
    window = replace(window, values=np.ascontiguousarray(window.values))
    rng = np.random.default_rng(0)
    reference = Reference.fit(known, process)
    usual = profile(known, reference)
    scorer = fit_scorer(process, reference, usual, profile(with_faults(process, known, rng), reference), rng)
    detector = SequentialDetector.fit(usual.drift_features, rng=rng, worlds=Worlds(10, 200))
    start, made = detector.start(), profile(window, reference)
    rows = (known.values.reshape(-1, 10), window.values.reshape(-1, 10))
    ours = {
        "profile in hand": median_seconds(lambda: detector.update(start, made.drift_features), TURNS),
        "from raw arrays": median_seconds(
            lambda: detector.update(start, profile(window, reference).drift_features), TURNS
        ),
    }
    profiling = {
        "ours, every check and drift feature": median_seconds(lambda: profile(window, reference), TURNS),
        "ours, with five dimensions and the score": median_seconds(
            lambda: scorer.score(profile(window, reference)), TURNS
        ),
    }
    peers, profiler = _peers(*rows), whylogs(rows[1])
    return [
        bars("speed", "Speed against its bars", _BARS, _bars(ours, next(iter(profiling.values())), peers, profiler)),
        Table("speed/drift", "The drift decision of a window", _DRIFT, tuple(_drift(ours, peers))),
        Table("speed/profile", "The profile of a window", _PROFILE, tuple(_profile(profiling, profiler))),
        Table("speed/wide", f"A thousand columns: 50 samples of {WIDE_ROWS} x {WIDE}", _WIDE, tuple(_wide())),
    ]


def _bars(drift: Mapping[str, float], profiled: float, peers: Times, profiler: float | str) -> list[Bar]:
    """How many times as fast; NaN, which holds nothing, where a peer is not there."""
    others = {who: seconds for who, seconds in peers.items() if not isinstance(seconds, str) and who != EVIDENTLY}
    fastest = min(others, key=lambda who: others[who])
    evidently = peers[EVIDENTLY]
    found = []
    for (how, ours), least, over_evidently in zip(drift.items(), (100, 20), (1000, 500), strict=True):
        found.append(Bar(f"drift decision, {how}", others[fastest] / ours, "x", fastest, least))
        slow = float("nan") if isinstance(evidently, str) else evidently / ours
        found.append(Bar(f"drift decision, {how}, beside evidently", slow, "x", EVIDENTLY, over_evidently))
    theirs = float("nan") if isinstance(profiler, str) else profiler / profiled
    return [*found, Bar("profile", theirs, "x", "whylogs", 150)]


def _drift(ours: Mapping[str, float], peers: Times) -> list[dict[str, Cell]]:
    rows: list[dict[str, Cell]] = [
        {"who": f"ours, {how}", "ms": rounded(seconds * 1e3, 3), "over ours, profile in hand": None,
         "over ours, from raw arrays": None, "note": ""}
        for how, seconds in ours.items()
    ]  # fmt: skip
    in_hand, raw = ours.values()
    for peer, seconds in peers.items():
        told = isinstance(seconds, str)
        rows.append(
            {
                "who": peer,
                "ms": None if isinstance(seconds, str) else rounded(seconds * 1e3, 3),
                "over ours, profile in hand": None if isinstance(seconds, str) else rounded(seconds / in_hand, 3),
                "over ours, from raw arrays": None if isinstance(seconds, str) else rounded(seconds / raw, 3),
                "note": seconds if told else "",
            }
        )
    return rows


def _profile(ours: Mapping[str, float], theirs: float | str) -> list[dict[str, Cell]]:
    times: dict[str, float | str] = {**ours, "whylogs": theirs}
    first = next(iter(ours.values()))
    return [
        {
            "who": who,
            "ms": None if isinstance(seconds, str) else rounded(seconds * 1e3, 3),
            "over ours": None if isinstance(seconds, str) else rounded(seconds / first, 3),
            "note": seconds if isinstance(seconds, str) else "",
        }
        for who, seconds in times.items()
    ]


def _peers(reference: Floats, window: Floats) -> dict[str, float | str]:
    """Seconds a window: SciPy and evidently here, frouros and alibi-detect in an environment of their own."""
    found: dict[str, float | str] = {
        "SciPy ks_2samp": median_seconds(
            lambda: [ks_2samp(a, b) for a, b in zip(reference.T, window.T, strict=True)], 3
        )
    }
    found[EVIDENTLY] = _evidently(reference, window)
    for peer, what in (("frouros", "frouros JS"), ("alibi-detect", "alibi-detect KSDrift")):
        try:
            with Peer("window_distances.py", peer) as asked:
                windows = np.stack([window] * 4)
                found[what] = float(asked.ask({"reference": reference, "windows": windows})["seconds"])
        except PeerMissingError as error:
            found[what] = str(error)
    return found


def _evidently(reference: Floats, window: Floats) -> float | str:
    try:
        import pandas as pd
        from evidently import Report
        from evidently.presets import DataDriftPreset

        version("evidently")
    except (ImportError, PackageNotFoundError) as error:
        return f"not installed: {error}"
    names = [f"s{j}" for j in range(reference.shape[1])]
    known, current = pd.DataFrame(reference, columns=names), pd.DataFrame(window, columns=names)
    return median_seconds(lambda: Report([DataDriftPreset()]).run(current, known).dict(), 1)


def whylogs(window: Floats) -> float | str:
    """Seconds that whylogs takes to profile a window of rows, or why it is not there."""
    try:
        with Peer("window_profile.py", "whylogs") as asked:
            return float(median(asked.ask({"windows": np.stack([window] * 4)})["seconds"]))
    except PeerMissingError as error:
        return str(error)


def _wide() -> list[dict[str, Cell]]:
    """Profile and compare a thousand columns at once."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2 * WINDOW, WIDE_ROWS, WIDE))
    batch = made_batch(values)
    reference = Reference.fit(batch.between(0, WINDOW), made_process(WIDE_ROWS, WIDE, 100.0))
    window = batch.between(WINDOW, 2 * WINDOW)
    ours = {"ours, every check and drift feature": median_seconds(lambda: profile(window, reference), 3)}
    return _profile(ours, whylogs(values[WINDOW:].reshape(-1, WIDE)))


_BARS = "Times as fast as the peer named: the fastest but evidently, evidently, and whylogs."
_DRIFT = (
    "Ours: features and statistic of 50 samples, sample by sample, sensors named. Theirs: one comparison of all rows "
    "of the window with all rows of the reference, sensor by sensor."
)
_PROFILE = "Ours keeps counts, moments, histograms and drift features of each sample; whylogs one profile of all rows."
_WIDE = "Drift features hold each column beside all others, which is most of ours."
