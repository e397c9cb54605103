from __future__ import annotations

import math

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.feedback.expected_error import PRIOR, SAYING, ErrorModel, fit, interval, log_ratio, scale

N, M, K = 300, 200, 6
SENSOR = np.repeat(np.arange(3), 2)


def _world(rng: np.random.Generator, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, answers, and errors that are four times as large where the first feature is high."""
    features = rng.normal(size=(n, K))
    errors = np.abs(rng.normal(size=n)) * np.where(features[:, 0] > 0.5, 4.0, 1.0)
    return features, features[:, 1] + 5.0, errors


@pytest.fixture
def model() -> ErrorModel:
    features, value, errors = _world(np.random.default_rng(0))
    fitted = fit(features, SENSOR, outputs=value[-M:], errors=errors[-M:])
    assert fitted is not None
    return fitted


def test_tells_where_the_first_model_is_off_and_by_how_much(model: ErrorModel) -> None:
    features, value, errors = _world(np.random.default_rng(1), 600)
    said = model.expected(features, value)
    off = features[:, 0] > 0.5
    assert said[off].mean() > 1.8 * said[~off].mean()
    assert said.mean() == pytest.approx(errors.mean(), rel=0.25)
    constant = np.abs(errors - model.usual).mean()
    assert np.abs(errors - said).mean() < 0.95 * constant


def test_expects_more_of_what_lies_beyond_all_that_was_seen(model: ErrorModel) -> None:
    features, value, _ = _world(np.random.default_rng(2), 50)
    moved = features + 8.0
    assert model.expected(moved, value).mean() > 2.5 * model.expected(features, value).mean()


def test_is_the_same_after_a_round_trip_and_sample_by_sample(model: ErrorModel) -> None:
    features, value, _ = _world(np.random.default_rng(3), 40)
    features[3, 2:4] = np.nan
    said = model.expected(features, value)
    again = ErrorModel.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(again.expected(features, value), said)
    assert again.to_bytes() == model.to_bytes()
    one = np.concatenate([model.expected(features[i : i + 1], value[i : i + 1]) for i in range(len(value))])
    np.testing.assert_allclose(one, said, rtol=1e-9)
    assert np.isfinite(said).all()
    assert model.expected(features[:0], value[:0]).shape == (0,)


def test_of_classes_it_is_a_probability(model: ErrorModel) -> None:
    features, _, _ = _world(np.random.default_rng(4))
    value = (features[:, 1] > 0).astype(float)
    rng = np.random.default_rng(5)
    wrong = (rng.random(N) < np.where(features[:, 0] > 0.5, 0.6, 0.05)).astype(float)
    fitted = fit(features, SENSOR, outputs=value[-M:], errors=wrong[-M:], classes=2)
    assert fitted is not None
    assert ErrorModel.from_bytes(fitted.to_bytes()).classes == 2
    said = fitted.expected(features * 3.0, value)
    assert 0.0 <= said.min() <= said.max() <= 1.0
    near = fitted.expected(features, value)
    assert near[features[:, 0] > 0.5].mean() > 3.0 * near[features[:, 0] <= 0.5].mean()


@pytest.mark.parametrize(("n", "m"), [(300, 20), (60, 40), (40, 0)])
def test_too_few_errors_teach_nothing(n: int, m: int) -> None:
    features, value, errors = _world(np.random.default_rng(0), n)
    assert fit(features, SENSOR, outputs=value[n - m :], errors=errors[n - m :]) is None


def test_a_model_that_was_never_wrong_teaches_nothing() -> None:
    features, value, _ = _world(np.random.default_rng(0))
    assert fit(features, SENSOR, outputs=value[-M:], errors=np.zeros(M)) is None


def test_no_archive_of_ours_is_refused(model: ErrorModel) -> None:
    with pytest.raises(DataError, match="the error model of a release"):
        ErrorModel.from_bytes(b"no archive")
    from dq_pipeline.storage import from_npz, to_npz

    arrays = from_npz(model.to_bytes(), "x")
    with pytest.raises(DataError, match="ratios"):
        ErrorModel.from_bytes(to_npz({name: value for name, value in arrays.items() if name != "ratios"}))
    with pytest.raises(DataError, match="UBJ"):
        ErrorModel.from_bytes(to_npz(arrays | {"booster": np.zeros(9, np.uint8)}))


def test_the_scale_follows_the_newest_labels_and_begins_at_one() -> None:
    few = scale(np.full(5, 10.0), np.ones(5), 1.0)
    assert few == pytest.approx((50.0 + PRIOR) / (5.0 + PRIOR))
    old = np.concatenate([np.full(100, 10.0), np.ones(SAYING)])
    assert scale(old, np.ones(len(old)), 1.0) == 1.0


def test_an_interval_holds_blocks_like_those_before() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        errors = rng.gamma(1.0, size=(7, 20))
        ratios = [log_ratio(block, np.ones(20), 1.0) for block in errors[:6]]
        limits = interval(1.0, ratios)
        assert limits is not None
        held += limits[0] <= errors[6].mean() <= limits[1]
    assert 0.84 <= held / 400 <= 0.96
    assert interval(1.0, [0.1, 0.2]) is None
    assert log_ratio(np.zeros(20), np.ones(20), 1.0) == pytest.approx(math.log(0.1 / 1.1))
