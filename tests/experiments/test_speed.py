"""The tables on speed say how many times, and who is not there; how long anything takes is for a benchmark to say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dq_pipeline.experiments import speed
from dq_pipeline.experiments.detection import peers
from dq_pipeline.experiments.detection.peers import Peer, PeerMissingError
from dq_pipeline.experiments.experiment import Table
from dq_pipeline.simulate.vacuum import simulate

with_peers = pytest.mark.skipif(not peers.PYTHON.exists(), reason="`python -m benchmarks.peers` was not run")


@pytest.fixture(scope="module")
def made(asked) -> tuple[dict[str, tuple], list]:
    """The tables of works that took 1, 2, 3 ... seconds each, and what each work answered."""
    answers: list = []

    def taken(work, turns):
        answers.append(work())
        return float(len(answers))

    def missing(*_: object) -> None:
        raise PeerMissingError("not installed: build it")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "median_seconds", taken)
        patch.setattr(speed, "Peer", missing)
        patch.setattr(speed, "_evidently", lambda *_: 600.0)
        patch.setattr(speed, "whylogs", lambda rows: float(rows.size))
        patch.setattr(speed, "WIDE", 20)
        tables = speed.run(asked)
    assert all(isinstance(table, Table) for table in tables)
    return {table.name: table.rows for table in tables}, answers


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Rows of the reference and of the window, as they were simulated."""
    readings = np.stack([one.values for one in simulate(150, np.random.default_rng(0))])
    return readings[:100].reshape(-1, 10), readings[100:].reshape(-1, 10)


@pytest.mark.recomputes("speed/drift", "ms", "over ours, profile in hand", "over ours, from raw arrays")
def test_what_is_timed_for_a_drift_decision_is_one_on_the_same_window(made, rows):
    tables, (in_hand, raw, *_, by_scipy, _wide) = made
    assert len(in_hand.statistic) == 50
    np.testing.assert_array_equal(in_hand.statistic, raw.statistic)
    by_hand = [stats.kstest(window, known).statistic for known, window in zip(*(one.T for one in rows), strict=True)]
    assert [one.statistic for one in by_scipy] == pytest.approx(by_hand)
    told = {row["who"]: list(row.values())[1:4] for row in tables["speed/drift"]}
    assert told["ours, profile in hand"] == [1e3, None, None]
    assert told["ours, from raw arrays"] == [2e3, None, None]
    assert told["SciPy ks_2samp"] == [5e3, 5.0, 2.5]
    assert told["evidently DataDriftPreset"] == [6e5, 600.0, 300.0]
    assert told["frouros JS"] == [None] * 3


@pytest.mark.recomputes("speed/profile", "ms", "over ours")
def test_what_is_timed_for_a_profile_is_one_of_the_same_window(made, rows):
    tables, (_, _, found, scores, *_) = made
    known, window = (one.reshape(-1, 1200, 10) for one in rows)
    scaled = (window.mean(axis=1) - np.median(known, axis=(0, 1))) / known.std(axis=(0, 1))
    np.testing.assert_allclose(found.drift_features[:, 0], scaled, atol=1e-9)
    np.testing.assert_allclose(
        found.drift_features[:, 1], np.log((window / known.std(axis=(0, 1))).std(axis=1)), atol=1e-3
    )
    assert found.seen.tolist() == [[1200] * 10] * 50
    assert scores.dimensions.shape == (50, 5)
    assert [(row["ms"], row["over ours"]) for row in tables["speed/profile"]] == [
        (3e3, 1.0),
        (4e3, pytest.approx(4 / 3, rel=1e-2)),
        (window.size * 1e3, window.size / 3),
    ]


@pytest.mark.recomputes("speed/wide", "ms", "over ours")
def test_what_is_timed_for_many_columns_is_all_of_them(made):
    tables, (*_, wide) = made
    values = np.random.default_rng(0).normal(size=(100, 60, 20))
    known, window = values[:50], values[50:]
    scaled = (window.mean(axis=1) - np.median(known, axis=(0, 1))) / known.std(axis=(0, 1))
    np.testing.assert_allclose(wide.drift_features[:, 0], scaled, atol=1e-9)
    assert [(row["ms"], row["over ours"]) for row in tables["speed/wide"]] == [
        (6e3, 1.0),
        (window.size * 1e3, window.size / 6),
    ]


def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    return rng.normal(size=(1500, 2)), rng.normal([0.2, 0.0], [1.0, 1.3], size=(300, 2))


@with_peers
@pytest.mark.recomputes("speed/drift", "ms")
def test_peers_are_timed_on_distances_that_scipy_gives_too(monkeypatch):
    answers = []

    class Spied(Peer):
        def ask(self, arrays, **settings):
            answers.append(super().ask(arrays, **settings))
            return answers[-1]

    monkeypatch.setattr(speed, "Peer", Spied)
    monkeypatch.setattr(speed, "_evidently", lambda *_: "left out")
    known, window = drawn()
    found = speed._peers(known, window)
    frouros, alibi = answers
    assert (found["frouros JS"], found["alibi-detect KSDrift"]) == (frouros["seconds"], alibi["seconds"])
    far = []
    for a, b in zip(known.T, window.T, strict=True):
        edges = np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), 10)
        laws = [stats.rv_histogram(np.histogram(one, bins="auto")) for one in (a, b)]
        far.append(jensenshannon(*(np.diff(law.cdf(edges)) for law in laws)))
    np.testing.assert_allclose(frouros["distances"], [far] * 4, atol=1e-9)
    ks = [stats.kstest(b, a).statistic for a, b in zip(known.T, window.T, strict=True)]
    np.testing.assert_allclose(alibi["distances"], [ks] * 4, atol=1e-6)


@with_peers
@pytest.mark.recomputes("speed/profile", "ms")
def test_whylogs_is_timed_on_three_windows_after_one(monkeypatch):
    asked = []

    class Spied(Peer):
        def ask(self, arrays, **settings):
            asked.append((arrays["windows"], super().ask(arrays, **settings)))
            return asked[-1][1]

    monkeypatch.setattr(speed, "Peer", Spied)
    _, window = drawn()
    said = speed.whylogs(window)
    ((windows, answer),) = asked
    np.testing.assert_array_equal(windows, [window] * 4)
    assert said == np.sort(answer["seconds"])[1]
    assert len(answer["seconds"]) == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # evidently's imports
@pytest.mark.recomputes("speed/drift", "ms")
def test_evidently_is_timed_on_distances_that_scipy_gives_too(monkeypatch):
    pytest.importorskip("evidently")
    told = []
    monkeypatch.setattr(speed, "median_seconds", lambda work, _: told.append(work()) or 7.0)
    known, window = drawn()
    assert speed._evidently(known, window) == 7.0
    values = {one["config"].get("column"): one["value"] for one in told[0]["metrics"]}
    for name, a, b in zip(("s0", "s1"), known.T, window.T, strict=True):
        assert values[name] == pytest.approx(stats.wasserstein_distance(a, b) / a.std())


def test_times_over_ours_are_quotients_and_the_missing_are_named():
    ours = {"profile in hand": 0.001, "from raw arrays": 0.01}
    rows = speed._drift(ours, {"one": 0.2, "other": "not installed"})
    assert [row["ms"] for row in rows] == [1.0, 10.0, 200.0, None]
    assert (rows[2]["over ours, profile in hand"], rows[2]["over ours, from raw arrays"]) == (200.0, 20.0)
    assert (rows[3]["note"], rows[3]["over ours, from raw arrays"]) == ("not installed", None)
    profiled = speed._profile({"ours": 0.002, "with scores": 0.003}, 1.0)
    assert [row["over ours"] for row in profiled] == [1.0, 1.5, 500.0]


@pytest.mark.recomputes("speed/bars", "measured", "measured", "holds")
def test_bars_are_quotients_of_what_was_timed(made):
    rows = {row["claim"]: row for row in made[0]["speed/bars"]}
    assert [row["measured"] for row in rows.values()] == [5.0, 600.0, 2.5, 300.0, 600_000 / 3]
    assert [row["against"] for row in rows.values()] == ["SciPy ks_2samp", speed.EVIDENTLY] * 2 + ["whylogs"]
    assert [row["holds"] for row in rows.values()] == [False, False, False, False, True]


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
