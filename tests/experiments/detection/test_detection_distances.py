import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dq_pipeline.experiments.detection.distances import (
    Distances,
    jensen_shannon,
    kolmogorov_smirnov,
    wasserstein,
)
from dq_pipeline.experiments.detection.distances import distances as measured
from dq_pipeline.experiments.detection.kinds import EIGHT, FAULTS, case

seeds = st.integers(0, 10_000)


def drawn(seed, n, m, decimals):
    rng = np.random.default_rng(seed)
    shift, scale = rng.normal(), np.exp(rng.normal())
    return rng.normal(size=n).round(decimals), (shift + scale * rng.normal(size=m)).round(decimals)


@given(seeds, st.integers(1, 60), st.sampled_from([0, 1, 12]))
def test_ks_is_scipys_also_where_readings_are_tied(seed, m, decimals):
    reference, rows = drawn(seed, 80, m, decimals)
    assert kolmogorov_smirnov(reference)(rows) == pytest.approx(stats.ks_2samp(reference, rows).statistic, abs=1e-12)


@given(seeds, st.sampled_from([7, 20, 40, 80]))
def test_wasserstein_is_scipys_over_the_references_sd(seed, m):
    reference, rows = drawn(seed, 80, m, 2)
    expected = stats.wasserstein_distance(reference, rows) / np.std(reference)
    assert wasserstein(reference)(rows) == pytest.approx(expected, abs=1e-12)


@given(seeds)
def test_jensen_shannon_is_that_of_the_two_histograms_distributions(seed):
    reference, rows = drawn(seed, 300, 120, 12)
    both = np.concatenate([reference, rows])
    edges = np.linspace(both.min(), both.max(), 10)
    laws = [stats.rv_histogram(np.histogram(one, bins="auto")) for one in (reference, rows)]
    expected = jensenshannon(*(np.diff(law.cdf(edges)) for law in laws))
    assert jensen_shannon(reference)(rows) == pytest.approx(expected, abs=1e-9)


def test_a_detector_on_ks_alarms_where_scipys_p_value_says_so():
    made = case(3, 400, {"one mean": EIGHT["one mean"]})
    threshold = 0.22
    found = Distances("KS", kolmogorov_smirnov, False, (threshold,)).watch(made, [threshold])[0]
    stream = np.concatenate([made.quiet[:300], made.changed[0]])
    silent_until = 0
    for end in range(25, 600, 5):
        rows = stream[end - 25 : end].reshape(-1, 8)
        tests = [stats.ks_2samp(a, b) for a, b in zip(made.reference.reshape(-1, 8).T, rows.T, strict=True)]
        least = int(np.argmin([test.pvalue for test in tests]))
        if tests[least].statistic > threshold and end - 1 >= silent_until:
            silent_until = end - 1 + 25
            if end - 1 >= 300:
                assert found.first[0].sample == end - 1
                assert found.first[0].sensor == least
                return
    assert found.first[0] is None


def test_missing_readings_are_left_out_and_a_silent_sensor_is_far_away():
    values = case(1, 300, {"dropout": FAULTS["dropout"]}).changed[0][:30].copy()
    values[:, :, 0] = np.nan
    reference = case(1, 300, {}).reference
    fitted = [kolmogorov_smirnov(reference[:, :, j].ravel()) for j in range(8)]
    found = measured(fitted, values)
    assert found.shape == (2, 8)
    assert (found[:, 0] == 1.0).all()
    rows = values[:25, :, 3].ravel()
    expected = stats.ks_2samp(reference[:, :, 3].ravel(), rows[~np.isnan(rows)]).statistic
    assert found[0, 3] == pytest.approx(expected)
