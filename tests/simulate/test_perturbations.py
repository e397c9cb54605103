"""Perturbations do what they are named for, to the columns they are given, harder rung by rung."""

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.sections.watch import FAULTS
from dq_pipeline.simulate.ladders import PERTURBATIONS, befalls, perturbation
from dq_pipeline.simulate.perturbations import Blow, Stretch, columns_hit, spread_between

N, ROWS, HORIZON, SENSORS = 60, 40, 20, 4


def _stretch():
    rng = np.random.default_rng(0)
    values = 10.0 + rng.normal(size=(N, 1, SENSORS)) + 0.1 * rng.normal(size=(N, ROWS, SENSORS))
    return Stretch(values, values[:, :HORIZON], np.zeros(N, np.int64), rng.normal(size=N))


def _struck(one, severity, logarithmic=False):
    blow = Blow(
        severity,
        np.random.default_rng(1),
        columns_hit(one, 1, SENSORS),
        np.ones(SENSORS),
        np.full(SENSORS, logarithmic),
    )
    return one.strike(_stretch(), blow)


def _harm(struck):
    """How much a stretch differs from the undisturbed one, whatever was done to it."""
    usual = _stretch()
    gone = np.isnan(struck.values).mean() + np.isnan(struck.early).mean()
    return gone + np.nanmean(np.abs(struck.values - usual.values)) + np.abs(struck.target - usual.target).mean()


@pytest.mark.parametrize("one", PERTURBATIONS.values(), ids=PERTURBATIONS)
def test_each_is_repeatable_and_grows_with_its_severity(one):
    np.testing.assert_array_equal(_struck(one, one.medium).values, _struck(one, one.medium).values)
    harm = [_harm(_struck(one, severity)) for severity in one.ladder]
    assert harm[0] > 0
    assert harm == sorted(harm)
    assert list(one.ladder) == sorted(one.ladder)
    assert one.medium in one.ladder
    assert one.causes


@pytest.mark.parametrize("name", [name for name, one in PERTURBATIONS.items() if one.hits == "one"])
def test_one_sensor_alone_is_hit(name):
    one, usual = PERTURBATIONS[name], _stretch()
    struck = _struck(one, one.medium)
    others = [0, 2, 3]
    np.testing.assert_array_equal(struck.values[:, :, others], usual.values[:, :, others])
    assert not np.array_equal(struck.values[:, :, 1], usual.values[:, :, 1])
    np.testing.assert_array_equal(struck.early, struck.values[:, :HORIZON])


def test_what_is_delayed_is_missing_when_the_answer_is_due_and_there_later():
    usual, struck = _stretch(), _struck(PERTURBATIONS["delay"], 0.5)
    assert np.isnan(struck.early[:, HORIZON // 2 :]).all()
    np.testing.assert_array_equal(struck.values, usual.values)
    assert (struck.disordered == HORIZON // 2).all()


def test_a_calibration_drift_grows_over_fifty_samples():
    usual, struck = _stretch(), _struck(PERTURBATIONS["calibration"], 0.5)
    ratio = (struck.values / usual.values)[:, 0, 1]
    np.testing.assert_allclose(ratio[[0, 24, 49, 59]], [1.01, 1.25, 1.5, 1.5])


def test_a_factor_is_an_offset_of_a_logarithm():
    usual, struck = _stretch(), _struck(PERTURBATIONS["unit"], 100.0, logarithmic=True)
    np.testing.assert_allclose((struck.values - usual.values)[:, :, 1], 2.0)


def test_an_outage_leaves_one_sensor():
    silent = np.isnan(_struck(PERTURBATIONS["outage"], 0.9).values).all(axis=(0, 1))
    assert silent.sum() == SENSORS - 1


def test_the_spread_is_that_between_recordings_not_within_them():
    rng = np.random.default_rng(0)
    values = np.linspace(0, 1000, ROWS)[None, :, None] + 2.0 * rng.normal(size=(500, 1, 1))
    assert spread_between(values)[0] == pytest.approx(2.0, rel=0.1)
    assert spread_between(np.full((5, 4, 1), np.nan))[0] == 1e-9


def test_a_process_file_may_name_each_of_them_for_its_drills():
    assert tuple(PERTURBATIONS) == FAULTS


def test_an_unknown_one_is_named_with_those_there_are():
    with pytest.raises(DataError, match=r"Unknown perturbation 'nois'.*noise"):
        perturbation("nois")


@pytest.mark.parametrize("one", PERTURBATIONS.values(), ids=PERTURBATIONS)
def test_a_severity_that_there_is_not_is_refused(one):
    assert [one.checked(severity) for severity in one.ladder] == list(one.ladder)
    beyond = [one.most * 1.5] if np.isfinite(one.most) else []
    for severity in (0.0, -1.0, np.nan, np.inf, *beyond):
        with pytest.raises(DataError, match=f"{one.name}: a severity above 0"):
            one.checked(severity)


def test_a_class_has_no_higher_and_lower():
    assert [name for name, one in PERTURBATIONS.items() if not befalls(one, "classification")] == ["concept"]
    assert all(befalls(one, "regression") for one in PERTURBATIONS.values())
