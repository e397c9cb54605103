"""Predictions for samples that the model has not seen, its neighbours in time being learned from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dq_pipeline.model.crossfit import cross_fitted
from dq_pipeline.process import Process


def test_every_sample_is_predicted_without_its_own_label(make_process: Callable[..., Process]) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 3))
    target = features @ [1.0, 2.0, 0.0]
    process = make_process()
    before = cross_fitted(features, target, process)
    assert np.corrcoef(before, target)[0, 1] > 0.8
    assert (before == cross_fitted(features, target, process)).all()
    changed = target.copy()
    changed[7] += 3.0
    after = cross_fitted(features, changed, process)
    assert after[7] == before[7] or abs(after[7] - before[7]) < 0.2
    assert (after[8:17] != before[8:17]).any()


def test_one_wild_label_bends_no_model(make_process: Callable[..., Process]) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 3))
    target = features @ [1.0, 2.0, 0.0]
    wild = target.copy()
    wild[5] = 1e9
    off = np.delete(cross_fitted(features, wild, make_process()) - target, 5)
    assert np.abs(off).max() < 20.0
    learn = np.arange(120) != 5
    left_out = cross_fitted(features, wild, make_process(), learn=learn)
    assert np.abs(np.delete(left_out - target, 5)).max() < 6.0


def test_of_classes_it_gives_the_probability_of_the_label(make_process: Callable[..., Process]) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 3))
    target = (features[:, 0] > 0).astype(np.float64)
    target[3] = 1.0 - target[3]
    process = make_process({"name": "y", "task": "classification", "classes": ["good", "bad"], "from": "labels"})
    found = cross_fitted(features, target, process)
    assert ((found >= 0.0) & (found <= 1.0)).all()
    assert np.median(found) > 0.6
    assert found[3] < 0.4


def test_a_rare_right_label_at_the_edge_does_not_look_wrong(make_process: Callable[..., Process]) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    features[50, 0] = 4.5
    target = features @ [1.0, 2.0, 0.0] + rng.normal(scale=0.1, size=200)
    off = np.abs(cross_fitted(features, target, make_process()) - target)
    assert off[50] < 5.0 * np.median(off)
