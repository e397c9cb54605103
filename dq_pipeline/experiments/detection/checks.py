"""Whether distances computed here are the libraries' own, and how long the libraries take for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dq_pipeline.experiments.detection.distances import (
    STRIDE,
    WINDOW,
    Prepared,
    jensen_shannon,
    kolmogorov_smirnov,
    wasserstein,
)
from dq_pipeline.experiments.detection.kinds import EIGHT, case
from dq_pipeline.experiments.detection.peers import Peer, PeerMissingError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Check:
    """One library's answers beside ours.

    Attributes
    ----------
    difference
        The largest, over all windows and sensors; None where the library is not there, and `note` says why.
    seconds
        The library's own, of the processor, for 1,000 samples with a window every 5.
    """

    peer: str
    version: str
    note: str
    difference: float | None = None
    seconds: float | None = None


def checks() -> list[Check]:
    """SciPy and evidently here; frouros and alibi-detect in the peers' environment."""
    made = case(1, 2 * WINDOW, EIGHT)
    reference = made.reference.reshape(-1, made.reference.shape[2])
    windows = np.array([one[:WINDOW].reshape(-1, one.shape[2]) for one in (made.quiet, *made.changed)])
    return [
        _scipy(reference, windows),
        _evidently(reference, windows),
        remote("frouros", "JS.compare", jensen_shannon, reference, windows),
        remote("alibi-detect", "KSDrift: SciPy's KS with Bonferroni", kolmogorov_smirnov, reference, windows),
    ]


def ours(prepare: Prepared, reference: Floats, windows: Floats) -> Floats:
    """Distances (k, f) of windows (k, w, f) of rows."""
    fitted = [prepare(column) for column in reference.T]
    return np.array([[distance(column) for distance, column in zip(fitted, one.T, strict=True)] for one in windows])


def _scipy(reference: Floats, windows: Floats) -> Check:
    began = time.thread_time()
    theirs = [[stats.ks_2samp(a, b).statistic for a, b in zip(reference.T, one.T, strict=True)] for one in windows]
    seconds = (time.thread_time() - began) / len(windows)
    return _check("SciPy", version("scipy"), "ks_2samp", kolmogorov_smirnov, reference, windows, theirs, seconds)


def _evidently(reference: Floats, windows: Floats) -> Check:
    try:
        import pandas as pd
        from evidently import Report
        from evidently.presets import DataDriftPreset

        found = version("evidently")
    except (ImportError, PackageNotFoundError) as error:
        return Check("evidently", "", f"not installed: {error}")
    names = [f"s{j}" for j in range(reference.shape[1])]
    known = pd.DataFrame(reference, columns=names)
    report, theirs = Report([DataDriftPreset()]), []
    few = windows[:3]
    began = time.thread_time()
    for one in few:
        told = report.run(pd.DataFrame(one, columns=names), known).dict()["metrics"]
        by_name = {told_one["config"].get("column"): told_one["value"] for told_one in told}
        theirs.append([float(by_name[name]) for name in names])
    seconds = (time.thread_time() - began) / len(few)
    return _check("evidently", found, "DataDriftPreset", wasserstein, reference, few, theirs, seconds)


def remote(peer: str, what: str, prepare: Prepared, reference: Floats, windows: Floats) -> Check:
    """A library in the peers' environment, or why it is not there."""
    try:
        with Peer("window_distances.py", peer) as asked:
            answer = asked.ask({"reference": reference, "windows": windows})
            said = asked.version.removeprefix(f"{peer} ")
    except PeerMissingError as error:
        return Check(peer, "", str(error))
    return _check(peer, said, what, prepare, reference, windows, answer["distances"], answer["seconds"])


def _check(
    peer: str,
    number: str,
    what: str,
    prepare: Prepared,
    reference: Floats,
    windows: Floats,
    theirs: list[list[float]],
    seconds: float,
) -> Check:
    difference = float(np.abs(ours(prepare, reference, windows) - np.array(theirs)).max())
    return Check(peer, number, what, difference, seconds * 1000.0 / STRIDE)
