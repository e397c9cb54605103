from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as peer

from dq_pipeline.errors import DataError
from dq_pipeline.model import evaluation
from dq_pipeline.model.inference import Prediction

numbers = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=40)
labels = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40)


def points(value: np.ndarray, probabilities: np.ndarray | None = None) -> Prediction:
    classes = None if probabilities is None else probabilities >= 0.3
    return Prediction(value, value - 1.0, value + 1.0, probabilities, classes)


@given(numbers)
def test_regression_agrees_with_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    truth, value = np.array(pairs).T
    assert evaluation.mae(truth, value) == pytest.approx(peer.mean_absolute_error(truth, value))
    assert evaluation.rmse(truth, value) == pytest.approx(peer.root_mean_squared_error(truth, value))
    if np.std(truth) > 1e-6:
        assert evaluation.r2(truth, value) == pytest.approx(peer.r2_score(truth, value), rel=1e-6)


@given(labels)
def test_classification_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, value = np.array(pairs, dtype=float).T
    assert evaluation.accuracy(truth, value) == pytest.approx(peer.accuracy_score(truth, value))
    for name in ("precision", "recall", "f1"):
        expected = getattr(peer, f"{name}_score")(truth, value, average="macro", zero_division=0)
        assert evaluation.METRICS[name](truth, value) == pytest.approx(expected)


def test_roc_auc_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probabilities = np.round(rng.dirichlet(np.ones(3), 60), 1) + 1e-3  # rounded, so that ties occur
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth = rng.integers(0, 3, 60).astype(float)
    expected = peer.roc_auc_score(truth, probabilities, multi_class="ovr")
    assert evaluation.roc_auc(truth, probabilities) == pytest.approx(expected)
    assert np.isnan(evaluation.roc_auc(np.zeros(5), np.ones((5, 1))))


def test_the_last_value_stands_beside_every_figure() -> None:
    truth = np.array([1.0, 2.0, np.nan, 4.0])
    found = evaluation.evaluate(truth, points(np.array([1.0, 2.5, 9.0, 4.0])), "regression", before=0.0)
    assert found.n == 3
    assert found.metrics["mae"] == pytest.approx(0.5 / 3)
    assert found.last_value["mae"] == pytest.approx((1 + 1 + 2) / 3)
    assert set(found.last_value) == set(found.metrics) == {"mae", "rmse", "r2"}
    unknown = evaluation.evaluate(truth, points(truth), "regression")
    assert unknown.last_value["mae"] == pytest.approx(1.5)


def test_slices_by_metadata() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    found = evaluation.evaluate(
        truth,
        points(np.array([1.0, 3.0, 3.0])),
        "regression",
        metadata=({"shift": "night"}, {"shift": "day"}, {}),
        key="shift",
    )
    assert list(found.slices) == ["(none)", "day", "night"]
    assert found.slices["day"].metrics["mae"] == 1.0
    assert found.slices["night"].n == 1
    assert sum(part.n for part in found.slices.values()) == found.n


def test_classification_evaluates_probabilities_and_sets() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.35, 0.65]])
    truth = np.array([0.0, 1.0, 1.0, 0.0])
    prediction = points(np.argmax(probabilities, axis=1).astype(float), probabilities)
    found = evaluation.evaluate(truth, prediction, "classification")
    assert set(found.metrics) == {"accuracy", "precision", "recall", "f1", "roc_auc"} == set(found.last_value)
    assert found.metrics["accuracy"] == 0.5
    assert found.coverage == 1.0


def test_nothing_labelled_gives_nan_and_no_warning() -> None:
    found = evaluation.evaluate(np.full(3, np.nan), points(np.zeros(3)), "regression")
    assert found.n == 0
    assert np.isnan(found.metrics["mae"])
    assert np.isnan(found.coverage)


def test_refuses_truths_of_another_length() -> None:
    with pytest.raises(DataError, match="3 truths expected"):
        evaluation.evaluate(np.zeros(2), points(np.zeros(3)), "regression")
