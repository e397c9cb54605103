from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dq_pipeline.drift.long_run import variance_factors
from dq_pipeline.drift.mixes import mix_drift, rows_by_category
from dq_pipeline.errors import DataError
from dq_pipeline.experiments.made_up import made_batch, made_process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile

VALVE = ("closed", "open", "fault")
USUAL = (0.65, 0.3, 0.05)


def sticky(rng, recordings, share, rows=60, stay=0.9):
    """Rows by category (n, K) of recordings in which a row repeats the one before it with probability `stay`."""
    shown = rng.choice(len(share), (recordings, rows), p=share)
    kept = rng.random((recordings, rows)) < stay
    kept[:, 0] = False
    since = np.maximum.accumulate(np.where(kept, 0, np.arange(rows)), axis=1)
    shown = np.take_along_axis(shown, since, axis=1)
    return np.stack([(shown == k).sum(axis=1) for k in range(len(share))], axis=1)


def test_the_statistic_is_pearsons():
    rng = np.random.default_rng(0)
    usual, now = rng.multinomial(60, USUAL, 200), rng.multinomial(60, (0.5, 0.4, 0.1), 25)
    found = mix_drift("valve", VALVE, usual, now)
    pearson = stats.chi2_contingency([usual.sum(axis=0), now.sum(axis=0)], correction=False)
    assert (found.statistic, found.degrees) == (pytest.approx(pearson.statistic), pearson.dof)
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic / found.design_effect, found.degrees))


def test_independent_rows_are_left_alone_and_equal_ones_count_once():
    rng = np.random.default_rng(1)
    apart = rng.multinomial(60, USUAL, 2000)
    assert mix_drift("valve", VALVE, apart[:1900], apart[1900:]).design_effect == pytest.approx(1.0, rel=0.1)
    alike = 60 * rng.multinomial(1, USUAL, 2000)
    found = mix_drift("valve", VALVE, alike[:1900], alike[1900:])
    assert found.design_effect == pytest.approx(60.0, rel=0.1)
    recordings = stats.chi2_contingency([alike[:1900].sum(axis=0) / 60, alike[1900:].sum(axis=0) / 60], False)
    assert found.statistic / found.design_effect == pytest.approx(recordings.statistic, rel=0.1)


def test_the_design_effect_of_two_categories_is_the_variance_of_the_share():
    rng = np.random.default_rng(2)
    counts = sticky(rng, 200, (0.7, 0.3))
    found = mix_drift("valve", ("closed", "open"), counts, counts[:25])
    share = counts[:, 1] / 60
    p = (counts.sum(axis=0) + counts[:25].sum(axis=0))[1] / (225 * 60)
    by_hand = share.var(ddof=1) / (share.mean() * (1 - share.mean()) / 60) * variance_factors(share[:, None])[0]
    assert found.design_effect == pytest.approx(by_hand, rel=1e-9)
    gap = counts[:25, 1].mean() / 60 - share.mean()
    error = np.sqrt(p * (1 - p) * by_hand * (1 / (200 * 60) + 1 / (25 * 60)))
    assert abs(found.shares[0].residual) == pytest.approx(abs(gap / error))


@pytest.mark.parametrize("stay", [0.0, 0.9, 0.98])
def test_false_alarms_are_as_many_as_said_whatever_rows_have_in_common(stay):
    rng = np.random.default_rng(3)
    corrected, naive = [], []
    for _ in range(300):
        counts = sticky(rng, 225, USUAL, stay=stay)
        found = mix_drift("valve", VALVE, counts[:200], counts[200:])
        corrected.append(found.p)
        naive.append(stats.chi2.sf(found.statistic, found.degrees))
    assert np.mean(np.array(corrected) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    if stay:
        assert np.mean(np.array(naive) < 0.05) > 0.7  # what rows taken for independent would claim


def test_recordings_that_resemble_the_ones_before_them_are_allowed_for():
    rng = np.random.default_rng(4)
    recipe = np.repeat(rng.multinomial(1, (0.5, 0.5), 60), 5, axis=0) * 60  # a campaign is five recordings
    found = mix_drift("recipe", ("a", "b"), recipe[:200], recipe[200:225])
    assert found.design_effect > 2 * 60


def test_what_moved_is_named_and_what_did_not_is_not():
    rng = np.random.default_rng(5)
    usual, now = sticky(rng, 200, (0.45, 0.45, 0.1, 0.0)), sticky(rng, 50, (0.2, 0.66, 0.1, 0.04))
    found = mix_drift("valve", ("closed", "open", "half", "fault"), usual, now)
    assert found.p < 1e-6
    assert {one.category for one in found.moved} == {"closed", "open", "fault"}
    assert found.new == ("fault",)
    assert "fault 0 % ->" in found.told()
    assert found.shares[-1].category == "half"
    assert found.shares[-1].before == pytest.approx(usual[:, 2].sum() / usual.sum())
    same = mix_drift("valve", ("closed", "open", "half", "fault"), usual[:100], usual[100:])
    assert (same.told(), same.new) == ("valve", ())


def test_a_value_seen_for_the_first_time_is_judged_by_how_it_comes():
    """Four rows of each recording say more than a whole recording once."""
    usual = np.tile([60, 0], (200, 1))
    spread, once = np.tile([56, 4], (25, 1)), usual[:25].copy()
    once[7] = [0, 60]
    assert mix_drift("valve", ("open", "fault"), usual, spread).p < 1e-9
    assert mix_drift("valve", ("open", "fault"), usual, once).p > 1e-3


def test_a_sum_has_shares_but_no_p_value():
    rng = np.random.default_rng(6)
    usual, now = rng.multinomial(60, USUAL, 200), rng.multinomial(60, (0.5, 0.4, 0.1), 25)
    found = mix_drift("valve", VALVE, usual.sum(axis=0, keepdims=True), now)
    assert (found.design_effect, found.p) == (None, None)
    whole = mix_drift("valve", VALVE, usual, now)
    assert found.statistic == whole.statistic
    assert {(one.category, one.after) for one in found.shares} == {(one.category, one.after) for one in whole.shares}


def test_nothing_to_compare():
    usual = np.tile([60, 0], (30, 1))
    assert mix_drift("valve", ("open", "fault"), usual, usual[:5]).p == 1.0
    assert mix_drift("valve", ("open", "fault"), usual, np.zeros((5, 2), int)).p is None
    with pytest.raises(DataError, match="valve: expected counts of 3 categories"):
        mix_drift("valve", VALVE, usual, usual)


@pytest.mark.parametrize("share", [(0.6, 0.39, 0.01), (0.001, 0.999, 0.0), (0.2, 0.8, 0.0), (1.0, 0.0, 0.0)])
def test_rows_are_read_off_the_bins(share):
    rng = np.random.default_rng(7)
    codes = rng.choice(3, (60, 40), p=share)
    later = rng.choice(3, (9, 40))
    values = np.stack([np.concatenate([codes, later]) == k for k in range(3)], axis=2).astype(float)
    values[62, 10:] = np.nan
    batch = made_batch(values)
    bins = Reference.fit(batch.between(0, 60), made_process(40, 3, 2.0))
    found = profile(batch, bins)
    np.testing.assert_array_equal(rows_by_category(found.drift_histogram, bins, range(3)), np.nansum(values, axis=1))
    moments = found.moments[:, :, 0] * bins.drift.sd + found.seen * bins.drift.median
    np.testing.assert_allclose(moments, np.nansum(values, axis=1), atol=1e-6)
    np.testing.assert_array_equal(rows_by_category(bins.whole_bins, bins, [2, 0]), values[:60].sum(axis=(0, 1))[[2, 0]])


def test_a_sensor_that_the_reference_never_saw_counts_nothing():
    values = np.full((30, 20, 1), np.nan)
    bins = Reference.fit(made_batch(values), made_process(20, 1, 2.0))
    now = profile(made_batch(np.ones((4, 20, 1))), bins)
    np.testing.assert_array_equal(rows_by_category(now.drift_histogram, bins, [0]), np.zeros((4, 1)))
