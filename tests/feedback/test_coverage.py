"""Whether flagged samples lie near what was learned from."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.feedback.coverage import coverage, own_distance
from dq_pipeline.feedback.novelty import Novelty

SENSOR = np.repeat(np.arange(3), 3)


@pytest.fixture
def learned(rng: np.random.Generator) -> Novelty:
    return Novelty.fit(rng.normal(size=(300, 9)), SENSOR)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_own_distance_is_the_quantile_of_the_nearest_other_sample(learned: Novelty) -> None:
    nearest = [
        min(float(np.linalg.norm(a - b)) for j, b in enumerate(learned.white) if j != i)
        for i, a in enumerate(learned.white)
    ]
    assert own_distance(learned) == pytest.approx(np.quantile(nearest, 0.95), rel=1e-6)


def test_samples_like_those_learned_from_are_covered_and_strange_ones_are_not(
    learned: Novelty, rng: np.random.Generator
) -> None:
    usual, strange = rng.normal(size=(200, 9)), rng.normal(size=(100, 9)) + 6.0
    ids = [f"s{i}" for i in range(300)]
    found = coverage(learned, np.concatenate([usual, strange]), ids, np.zeros(300, np.bool_))
    assert found is not None
    assert 0.85 * 200 <= found.within <= 200
    assert {f"s{i}" for i in range(200, 300)} <= set(found.wanted)
    assert all(int(name[1:]) >= 200 for name in found.wanted[:90]), "the farthest first"


def test_what_is_labelled_by_now_is_no_longer_wanted(learned: Novelty, rng: np.random.Generator) -> None:
    features, ids = rng.normal(size=(20, 9)) + 6.0, [f"s{i}" for i in range(20)]
    found = coverage(learned, features, ids, np.arange(20) < 12)
    assert found is not None
    assert (found.flagged, found.within, found.labelled, found.share) == (20, 0, 12, 0.0)
    assert set(found.wanted) == set(ids[12:])


def test_few_flagged_samples_say_nothing(learned: Novelty, rng: np.random.Generator) -> None:
    assert coverage(learned, rng.normal(size=(9, 9)), list("abcdefghi"), np.zeros(9, np.bool_)) is None
