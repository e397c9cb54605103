"""Cells of the tables on short recordings, taken from every k-th row of the simulated plant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.experiments import sparse
from dq_pipeline.experiments.experiment import Table
from dq_pipeline.simulate.vacuum import SENSORS, simulate

SHIFTED, SHIFT = SENSORS.index("cooling_out"), sparse.SHIFT


@pytest.fixture(scope="module")
def told(asked) -> tuple[Table, Table]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "ROWS", (10,))
        return tuple(sparse.run(asked))


def short(readings: np.ndarray, rows: int) -> np.ndarray:
    return readings[:, np.linspace(0, 1199, rows).round().astype(int)]


@pytest.mark.recomputes("sparse/drift", "false alarms per 1,000", "mean delay, samples", "missed")
def test_alarms_are_those_of_features_taken_with_numpy(told, numpy_features):
    (row,) = (row for row in told[1].rows if row["rows"] == 10)
    readings = short(np.stack([one.values for one in simulate(400, np.random.default_rng(0))]), 10)
    known, later = readings[:200], readings[200:]
    detector = SequentialDetector.fit(
        numpy_features(known, known), rng=np.random.default_rng([0, 4]), worlds=Worlds(10, 200)
    )
    alarms = detector.update(detector.start(), numpy_features(later, known)).alarms
    assert row["false alarms per 1,000"] == pytest.approx(1000 * len(alarms) / 200)
    moved = later.copy()
    moved[:, :, SHIFTED] += SHIFT * known[:, :, SHIFTED].std()
    state, delay, found = detector.start(), 0, ()
    while not found:
        observed = detector.update(state, numpy_features(moved[delay : delay + 1], known))
        state, found, delay = observed.state, observed.alarms, delay + 1
    assert delay > 3
    assert (row["mean delay, samples"], row["missed"], row["streams"]) == (delay, 0, 1)


def test_alarms_and_delays_of_several_streams_are_put_together(asked, monkeypatch):
    watched = {0: (3, 5), 1: (0, 300), 2: (1, 10)}
    monkeypatch.setattr(sparse, "SEEDS", 3)
    monkeypatch.setattr(sparse, "_watched", lambda _asked, _rows, seed, _quiet: watched[seed])
    row, whole = sparse._drift(replace(asked, quick=False), (10,))
    assert (row["false alarms per 1,000"], row["mean delay, samples"]) == (pytest.approx(4 / 3, rel=1e-2), 105.0)
    assert (row["missed"], row["streams"], whole["rows"]) == (1, 3, 1200)


@pytest.mark.recomputes("sparse/quality", "AUC", "AUC")
def test_the_auc_is_that_of_ranks_over_samples_whose_readings_were_changed(told, asked, monkeypatch):
    shown, said = [], []
    inject, score = sparse.faulted, sparse.in_windows

    def faulted(*args):
        shown.append((args[0], inject(*args)))
        return shown[-1][1]

    def in_windows(*args):
        said.append(score(*args))
        return said[-1]

    monkeypatch.setattr(sparse, "faulted", faulted)
    monkeypatch.setattr(sparse, "in_windows", in_windows)
    monkeypatch.setattr(sparse, "ROWS", (10,))
    assert sparse._quality(asked, (10,)) == list(told[0].rows)
    readings = np.stack([one.values for one in simulate(300, np.random.default_rng(0))])[200:]
    for row, (before, after), scores in zip(told[0].rows, shown, said, strict=True):
        np.testing.assert_array_equal(before.values, short(readings, row["rows"]))
        kept = [np.array_equal(*pair, equal_nan=True) for pair in zip(before.values, after.values, strict=True)]
        faulty = ~np.array(kept) | (after.received > row["rows"]) | (after.disordered > 0)
        assert 15 < faulty.sum() <= 20
        good, bad = scores[~faulty], scores[faulty]
        assert row["AUC"] == pytest.approx(mannwhitneyu(good, bad).statistic / (len(good) * len(bad)), rel=1e-3)
