from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xgboost as xgb

from dq_pipeline.errors import ConfigurationError, DataError
from dq_pipeline.model.inference import Model
from dq_pipeline.model.training import Training, train
from dq_pipeline.process import Process

NAMES = ("u", "v", "w")
CLASSES = {"name": "y", "task": "classification", "from": "labels", "classes": ["good", "fair", "bad"]}
Processes = Callable[..., Process]


def history(n: int = 160, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    features[rng.random((n, 3)) < 0.05] = np.nan
    return features, 50.0 + 10.0 * np.nan_to_num(features[:, 0]) + rng.normal(0, 0.5, n)


def fit(process: Process, features: np.ndarray, target: np.ndarray, seed: int = 0, **more: object) -> Training:
    return train(features, target, process, feature_names=NAMES, rng=np.random.default_rng(seed), **more)  # type: ignore[arg-type]


def test_learns_and_covers(make_process: Processes) -> None:
    process = make_process(model={"trees": 60, "search": 1})
    features, target = history(300)
    training = fit(process, features[:200], target[:200])
    found = training.model.predict(features[200:])
    assert np.mean(np.abs(found.value - target[200:])) < 0.4 * np.std(target)
    assert 0.8 <= np.mean(found.covers(target[200:])) <= 1.0
    assert training.model.calibration.samples == len(training.calibrated) == 100


def test_the_same_seed_gives_the_same_bytes(make_process: Processes) -> None:
    features, target = history()
    assert fit(make_process(), features, target, 3).model.to_bytes() == (
        fit(make_process(), features, target, 3).model.to_bytes()
    )
    assert fit(make_process(), features, target, 4).model.to_bytes() != (
        fit(make_process(), features, target, 3).model.to_bytes()
    )


@pytest.mark.parametrize("classes", [False, True])
def test_survives_bytes_bit_for_bit(make_process: Processes, classes: bool) -> None:
    features, target = history()
    if classes:
        target = np.digitize(target, [45.0, 55.0]).astype(float)
    model = fit(make_process(CLASSES if classes else None), features, target).model
    again = Model.from_bytes(model.to_bytes())
    one, other = model.predict(features), again.predict(features)
    for name in ("value", "lower", "upper", "probabilities", "classes"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None and b is None) or a.tobytes() == b.tobytes()
    assert again.to_bytes() == model.to_bytes()


def test_a_sample_alone_is_predicted_as_among_others(make_process: Processes) -> None:
    features, target = history()
    model = fit(make_process(), features, target).model
    alone = np.concatenate([model.predict(features[i : i + 1]).value for i in range(20)])
    assert alone.tobytes() == model.predict(features[:20]).value.tobytes()
    assert len(model.predict(features[:0]).value) == 0


def test_says_which_labels_it_left_out(make_process: Processes) -> None:
    features, target = history()
    target[[3, 4]] = np.nan
    target[60] = 1e6
    training = fit(make_process(), features, target)
    assert (training.unlabelled, training.implausible) == (2, 1)
    assert not set(training.used.tolist()) & {3, 4, 60}
    unguarded = fit(make_process(model={"trees": 20, "search": 1, "label_guard": False}), features, target)
    assert (unguarded.unlabelled, unguarded.implausible) == (2, 0)


def test_newer_samples_weigh_more(make_process: Processes) -> None:
    features = np.zeros((200, 3))
    features[:, 0] = np.tile([0.0, 1.0], 100)
    target = np.where(np.arange(200) < 150, 0.0, 10.0) + np.tile([0.0, 0.1], 100)
    fading = make_process(model={"trees": 50, "search": 1, "age_scale": 10.0, "age_floor": 0.0})
    steady = make_process(model={"trees": 50, "search": 1, "age_scale": 1e6, "age_floor": 0.0})
    new = fit(fading, features, target).model.predict(features[:1]).value[0]
    old = fit(steady, features, target).model.predict(features[:1]).value[0]
    assert new > 8.0
    assert old < 4.0


def test_a_given_candidate_skips_the_search(make_process: Processes) -> None:
    features, target = history()
    training = fit(make_process(), features, target, candidate={"max_depth": 2})
    assert training.trials == ()
    assert training.candidate == {"max_depth": 2}


def test_early_stopping_chooses_the_trees_and_the_refit_keeps_the_number(make_process: Processes) -> None:
    features, target = history(300)
    model = {"trees": 200, "search": 1, "early_stopping": 5}
    training = fit(make_process(model=model), features, target)
    trees = training.candidate["trees"]
    assert 1 < trees < 200
    assert training.model.booster.num_boosted_rounds() == trees
    noise = np.random.default_rng(2).normal(50.0, 1.0, 300)
    assert fit(make_process(model=model), features, noise).candidate["trees"] < trees
    again = fit(make_process(model=model), features[:250], target[:250], candidate=training.candidate)
    assert again.model.booster.num_boosted_rounds() == trees, "what was judged is what is promoted"


def test_early_stopping_of_classes(make_process: Processes) -> None:
    features, target = history(240)
    target = np.digitize(target, [45.0, 55.0]).astype(float)
    process = make_process(CLASSES, model={"trees": 150, "search": 1, "early_stopping": 5})
    assert 1 <= fit(process, features, target).candidate["trees"] < 150


def test_seconds_are_a_budget_too(make_process: Processes) -> None:
    features, target = history()
    now = iter(range(10_000))
    process = make_process(model={"trees": 5, "search": 2, "search_seconds": 7.0})
    assert len(fit(process, features, target, clock=lambda: float(next(now))).trials) == 7
    assert len(fit(process, features, target).trials) == 2, "no clock: as many as the process file says"


@pytest.mark.parametrize("kind", ["fading", "newest", "expanding"])
def test_weights_are_what_the_process_file_says(make_process: Processes, kind: str) -> None:
    features, target = history(120)
    process = make_process(model={"trees": 5, "search": 1, "weights": kind, "age_scale": 50})
    weights = fit(process, features, target).weights
    assert weights[-1] > 0.0
    assert {"fading": 0.05 < weights[0] < 0.2, "newest": weights[0] == 0.0, "expanding": weights[0] == 1.0}[kind]


@pytest.mark.skipif(bool(xgb.build_info().get("USE_CUDA")), reason="this XGBoost may find a GPU")
def test_a_gpu_that_is_not_there_is_said_before_anything_is_trained(make_process: Processes) -> None:
    said: list[object] = []
    process = make_process(model={"trees": 5, "search": 1, "device": "cuda"})
    with pytest.raises(ConfigurationError, match="a GPU that XGBoost can use expected, found none"):
        fit(process, *history(), progress=lambda *step: said.append(step))
    assert said == []


def test_classification_gives_probabilities_and_sets(make_process: Processes) -> None:
    features, target = history(240)
    target = np.digitize(target, [45.0, 55.0]).astype(float)
    training = fit(make_process(CLASSES), features[:180], target[:180])
    found = training.model.predict(features[180:])
    assert found.probabilities is not None
    assert found.classes is not None
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert np.mean(found.value == target[180:]) > 0.75
    assert found.classes[np.arange(60), found.value.astype(int)].all()
    assert ((found.lower <= found.value) & (found.value <= found.upper)).all()
    assert np.mean(found.covers(target[180:])) >= 0.8


def test_refuses_what_cannot_be_learnt(make_process: Processes) -> None:
    features, target = history()
    with pytest.raises(DataError, match=r"at least 40 labelled samples expected .* found 30"):
        fit(make_process(), features[:30], target[:30])
    with pytest.raises(DataError, match="class indices 0 to 2"):
        fit(make_process(CLASSES), features, np.full(len(features), 3.0))
    with pytest.raises(DataError, match="at least 2 classes"):
        fit(make_process(CLASSES), features, np.zeros(len(features)))
    with pytest.raises(DataError, match=r"\(160, 3\) expected"):
        fit(make_process(), features[:, :2], target)


def test_a_model_refuses_other_bytes_and_other_features(make_process: Processes) -> None:
    model = fit(make_process(), *history()).model
    with pytest.raises(DataError, match=r"\(n, 3\) expected"):
        model.predict(np.zeros((2, 4)))
    with pytest.raises(DataError, match="found 7 bytes"):
        Model.from_bytes(b"nothing")
    stranger = xgb.train({"verbosity": 0}, xgb.DMatrix(np.zeros((4, 1)), np.arange(4.0)), 1)
    with pytest.raises(DataError, match="attribute"):
        Model.from_bytes(bytes(stranger.save_raw("ubj")))
