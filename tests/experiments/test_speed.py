"""The tables on speed say how many times, and who is not there; how long anything takes is for a benchmark to say."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.experiments import speed
from dq_pipeline.experiments.detection.peers import PeerMissingError


def test_times_over_ours_are_quotients_and_the_missing_are_named():
    ours = {"profile in hand": 0.001, "from raw arrays": 0.01}
    rows = speed._drift(ours, {"one": 0.2, "other": "not installed"})
    assert [row["ms"] for row in rows] == [1.0, 10.0, 200.0, None]
    assert (rows[2]["over ours, profile in hand"], rows[2]["over ours, from raw arrays"]) == (200.0, 20.0)
    assert (rows[3]["note"], rows[3]["over ours, from raw arrays"]) == ("not installed", None)
    profiled = speed._profile({"ours": 0.002, "with scores": 0.003}, 1.0)
    assert [row["over ours"] for row in profiled] == [1.0, 1.5, 500.0]


def test_bars_are_held_against_the_fastest_peer_and_a_missing_one_holds_none():
    ours = {"profile in hand": 0.001, "from raw arrays": 0.01}
    found = speed._bars(ours, 0.002, {"slow": 3.0, "fast": 0.19, speed.EVIDENTLY: 6.0}, "not installed")
    told = [(one.value, one.against, one.holds) for one in found[:4]]
    assert told[0] == (pytest.approx(190), "fast", True)
    assert told[1] == (pytest.approx(6000), speed.EVIDENTLY, True)
    assert told[2] == (pytest.approx(19), "fast", False)
    assert told[3] == (pytest.approx(600), speed.EVIDENTLY, True)
    assert found[4].holds is False


def test_a_peer_that_is_not_there_is_said(monkeypatch):
    def missing(*_: object) -> None:
        raise PeerMissingError("not installed: build it")

    monkeypatch.setattr(speed, "Peer", missing)
    monkeypatch.setattr(speed, "_evidently", lambda *_: "left out")  # warns as it is imported
    assert speed.whylogs(np.zeros((4, 2))) == "not installed: build it"
    found = speed._peers(np.random.default_rng(0).normal(size=(60, 2)), np.zeros((20, 2)))
    assert found["frouros JS"] == found["alibi-detect KSDrift"] == "not installed: build it"
    assert found["SciPy ks_2samp"] > 0


@pytest.mark.parametrize("columns", [3, 40])
def test_columns_made_up_fit_their_process(columns, monkeypatch):
    monkeypatch.setattr(speed, "WIDE", columns)
    monkeypatch.setattr(speed, "whylogs", lambda window: float(window.shape == (50 * 60, columns)))
    ours, theirs = speed._wide()
    assert ours["ms"] > 0
    assert theirs["ms"] == 1000.0
