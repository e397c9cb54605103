from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from dq_pipeline.errors import DataError
from dq_pipeline.quality.unified import (
    UNIFIERS,
    Unified,
    beyond_allowance,
    first_component,
    fit_allowances,
    over_sensors,
    pca_weights,
)

unit = st.floats(0, 1)
dimensions = arrays(np.float64, (12, 5), elements=unit)


@pytest.mark.parametrize("unifier", [name for name, one in UNIFIERS.items() if one.monotone])
@given(fitted=dimensions, rows=dimensions, better=dimensions)
def test_the_score_is_bounded_and_never_falls_when_a_dimension_improves(unifier, fitted, rows, better):
    score = Unified.fit(fitted, unifier)
    low, high = score(rows), score(np.maximum(rows, better))
    assert ((low >= 0) & (low <= 1)).all()
    assert (high >= low - 1e-12).all()


@given(u=arrays(np.float64, (4, 5, 3), elements=unit), better=arrays(np.float64, (4, 5, 3), elements=unit))
def test_from_sensors_on_nothing_falls_either(u, better):
    allowances = np.full(5, 0.1)
    known = np.ones(3, bool)
    low = beyond_allowance(over_sensors(u, known), allowances)
    high = beyond_allowance(over_sensors(np.maximum(u, better), known), allowances)
    assert (high >= low).all()
    assert ((low >= 0) & (high <= 1)).all()


@given(rows=dimensions)
def test_weights_are_a_share_each(rows):
    weights = pca_weights(rows)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


def test_weights_are_those_of_scikit_learns_components():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5))
    pca = PCA().fit((rows - rows.mean(0)) / rows.std(0))
    q = int(np.argmax(np.cumsum(pca.explained_variance_ratio_) >= 0.8)) + 1
    expected = pca.explained_variance_[:q] @ pca.components_[:q] ** 2
    np.testing.assert_allclose(pca_weights(rows), expected / expected.sum())


def test_the_first_component_is_scikit_learns_and_the_only_one_that_may_fall():
    assert [name for name, one in UNIFIERS.items() if not one.monotone] == ["pc1"]
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5))
    sd = rows.std(0)
    loadings = PCA(1).fit((rows - rows.mean(0)) / sd).components_[0] / sd
    found = first_component(rows)
    np.testing.assert_allclose(found, loadings * np.sign(loadings.sum()))
    opposed = np.linspace(0, 1, 50)[:, None] * np.array([1.0, 1.0, 1.0, 1.0, -1.0]) + np.array([0, 0, 0, 0, 1.0])
    score = Unified.fit(opposed, "pc1")
    assert score(np.array([[0.5, 0.5, 0.5, 0.5, 1.0]])) < score(np.array([[0.5, 0.5, 0.5, 0.5, 0.2]]))


def test_half_average_half_worst():
    u = np.array([[[1.0, 0.5, 0.0]]])
    assert over_sensors(u, np.array([True, True, True])) == pytest.approx(0.25)
    assert over_sensors(u, np.array([True, True, False])) == pytest.approx(0.625)
    assert over_sensors(u, np.zeros(3, bool)) == 0.0


def test_allowance_and_what_is_beyond_it():
    pooled = np.linspace(0, 1, 101)[:, None] * np.array([0.5, 0.0]) + np.array([0.5, 0.0])
    np.testing.assert_allclose(fit_allowances(pooled), [0.475, 0.95])
    found = beyond_allowance(np.array([[0.9], [0.8], [0.6], [0.0]]), np.array([0.2]))
    np.testing.assert_allclose(found, [[1], [1], [0.5], [0]])


def test_the_scale_reaches_from_the_worst_to_the_best():
    rows = np.linspace(0.2, 0.8, 201)[:, None] * np.ones(5)
    score = Unified.fit(rows, "mean")
    np.testing.assert_allclose(score(np.array([[0.1] * 5, [0.5] * 5, [0.9] * 5])), [0, 0.5, 1])


def test_where_nothing_varies_the_score_is_the_value_itself():
    score = Unified.fit(np.ones((10, 5)))
    np.testing.assert_allclose(score(np.array([[1.0] * 5, [0.5] * 5])), [1, 0.5])


def test_refusals():
    with pytest.raises(DataError, match=r"Unknown unifier 'max'\. Registered: pca, mean, min, pc1"):
        Unified.fit(np.ones((3, 5)), "max")
    with pytest.raises(DataError, match="at least one sample"):
        Unified.fit(np.ones((0, 5)))
