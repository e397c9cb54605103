"""The gate before training: what it refuses and why, and what it must let through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.feedback.consistency import LIMIT, doubt_of_class, inconsistent, robust_z
from dq_pipeline.feedback.duplicates import exact, neighbours
from dq_pipeline.feedback.gate import Candidates, judge, too_few
from dq_pipeline.sections.feedback import Gate

SENSOR = np.array([0, 0, 1])


def candidates(n: int = 200, seed: int = 0, **changed: Any) -> Candidates:
    """Labels follow from the features, with an error of 0.1."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 8, 2))
    features = np.stack([values[:, :, 0].mean(axis=1), values[:, 0, 0], values[:, :, 1].mean(axis=1)], axis=1)
    nothing = np.zeros(n, np.bool_)
    made = Candidates(
        ids=[f"s{i:04d}" for i in range(n)],
        values=values,
        features=features,
        sensor=SENSOR,
        target=features @ [2.0, 0.0, 1.0] + rng.normal(scale=0.1, size=n),
        classes=0,
        accepted=~nothing,
        unified=np.full(n, 0.8),
        threshold=0.25,
        reviewed=nothing,
        conflicting=nothing,
        new=nothing,
    )
    return replace(made, **changed)


def linear(made: Candidates) -> Any:
    """Predictions of a straight line through what may be learned from, in time-shifted halves."""

    def fit(learn: NDArray[np.bool_], _asked: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = np.zeros(len(made.target))
        design = np.c_[made.features, np.ones(len(made.target))]
        for fold in range(5):
            held = np.arange(len(found)) % 5 == fold
            found[held] = design[held] @ np.linalg.lstsq(design[learn & ~held], made.target[learn & ~held])[0]
        return found

    return fit


def refused(made: Candidates, **settings: Any) -> dict[str, str]:
    """Sample -> the gate that refuses it."""
    verdict = judge(made, Gate(**settings), linear(made))
    assert len(verdict.refusals) == int((~verdict.passed).sum()) == sum(verdict.counts.values())
    return {one.sample_id: one.gate for one in verdict.refusals}


def changed(values: NDArray[Any], index: int, value: Any) -> NDArray[Any]:
    """A copy with one entry changed."""
    found = values.copy()
    found[index] = value
    return found


def test_each_gate_names_what_it_refuses_with_its_figure_and_limit() -> None:
    made = candidates()
    values = changed(made.values, 3, np.nan)
    values[3, 0, 0] = 1.0
    values[9] = made.values[8]
    features = changed(made.features, 9, made.features[8])
    features[11] = features[10] + 1e-6
    features[12] = [60.0, -60.0, 60.0]
    target = changed(changed(made.target, 1, 99.0), 20, made.target[20] + 1.0)
    target[[9, 11]] = target[[8, 10]]
    made = replace(made, values=values, features=features, target=target)
    made = replace(
        made,
        accepted=changed(changed(made.accepted, 4, False), 5, False),
        unified=changed(made.unified, 4, 0.1),
        conflicting=changed(made.conflicting, 6, True),
    )
    verdict = judge(made, Gate(range=(-20.0, 20.0)), linear(made))
    told = {one.sample_id: one for one in verdict.refusals}
    expected = {
        "s0001": "range",
        "s0003": "completeness",
        "s0004": "quality",
        "s0005": "quality",
        "s0006": "conflict",
        "s0009": "duplicate",
        "s0011": "near_duplicate",
        "s0012": "relevance",
        "s0020": "consistency",
    }
    assert {name: told[name].gate for name in expected} == expected
    assert len(told) <= len(expected) + 8, "no more right labels than chance puts beyond the limit"
    assert (told["s0001"].figure, told["s0001"].limit) == (99.0, 20.0)
    assert told["s0003"].figure == pytest.approx(15 / 16)
    assert (told["s0004"].figure, told["s0004"].limit) == (0.1, 0.25)
    assert "person" in told["s0005"].why
    assert told["s0020"].figure is not None
    assert told["s0020"].figure > told["s0020"].limit == LIMIT
    assert list(told) == sorted(told)


def test_what_a_person_looked_at_is_believed_within_the_stated_range() -> None:
    made = candidates()
    target = changed(made.target, 20, made.target[20] + 5.0)
    doubted = replace(made, target=target, conflicting=changed(made.conflicting, 30, True))
    assert {"s0020", "s0030"} <= set(refused(doubted))
    looked = changed(changed(made.reviewed, 20, True), 30, True)
    assert not {"s0020", "s0030"} & set(refused(replace(doubted, reviewed=looked)))
    assert refused(replace(doubted, reviewed=looked), range=(-1e3, float(target[20]) - 0.1))["s0020"] == "range"


def test_three_of_100_wrong_labels_are_caught_and_few_right_ones_refused() -> None:
    caught, lost = [], []
    for seed in range(5):
        made = candidates(400, seed)
        rng = np.random.default_rng(seed + 100)
        wrong = np.isin(np.arange(400), rng.choice(400, 12, replace=False))
        off = np.where(wrong, rng.choice([-1, 1], 400) * (3.0 + rng.exponential(size=400)) * 0.1, 0.0)
        found = np.isin(made.ids, list(refused(replace(made, target=made.target + off))))
        caught.append(found[wrong].mean())
        lost.append(found[~wrong].mean())
    assert np.mean(caught) >= 0.8
    assert np.max(lost) <= 0.05


def test_where_nothing_is_wrong_hardly_anything_is_refused() -> None:
    lost = [len(refused(candidates(400, seed))) for seed in range(10)]
    assert np.mean(lost) <= 4.0


def test_a_new_regime_is_not_taken_for_wrong_labels() -> None:
    for late in (30, 100):
        made = candidates(300)
        target = made.target.copy()
        target[-late:] += 1.5
        found = refused(replace(made, target=target))
        assert len([name for name in found if int(name[1:]) >= 300 - late]) <= max(2, 0.06 * late)


def test_more_contradictions_than_the_budget_are_told_but_not_refused() -> None:
    made = candidates(400)
    rng = np.random.default_rng(1)
    shuffled = replace(made, target=np.where(rng.uniform(size=400) < 0.3, rng.permutation(made.target), made.target))
    verdict = judge(shuffled, Gate(), linear(shuffled))
    assert verdict.counts["consistency"] == 20
    assert verdict.figures["consistency"]["in_doubt"] > 40
    assert judge(shuffled, Gate(labels_per_100=0), linear(shuffled)).counts == {}


def test_classes_are_doubted_by_their_probability() -> None:
    made = candidates()
    classes = (made.features[:, 0] > 0).astype(np.float64)
    said = np.where(np.arange(200) == 7, 0.001, 0.9)
    verdict = judge(replace(made, target=changed(classes, 3, 2.0), classes=2), Gate(), lambda *_: said)
    assert {one.sample_id: one.gate for one in verdict.refusals} == {"s0003": "range", "s0007": "consistency"}


def test_how_far_new_samples_lie_from_known_ones_is_a_figure_and_no_refusal() -> None:
    made = candidates(300)
    new = np.arange(300) >= 250
    features = made.features.copy()
    features[new] += 6.0
    moved = replace(made, features=features, new=new)
    verdict = judge(moved, Gate(labels_per_100=0), linear(moved))
    assert verdict.passed[new].all()
    assert verdict.figures["relevance"]["beyond_known"] > 0.9
    same = judge(replace(made, new=new), Gate(labels_per_100=0), linear(made)).figures["relevance"]
    assert same["new"] == 50
    assert same["beyond_known"] < 0.2


def test_a_volume_floor_says_what_is_missing() -> None:
    assert "model.min_samples" in str(too_few(10, 10, Gate(), 30))
    assert "feedback.gate.min_new" in str(too_few(100, 4, Gate(min_new=5), 30))
    assert too_few(100, 5, Gate(min_new=5), 30) is None


@pytest.mark.parametrize("n", [0, 1, 5])
def test_hardly_any_samples_pass_unjudged(n: int) -> None:
    made = candidates(n)
    assert judge(made, Gate(), linear(made)).passed.all()


def test_residuals_without_spread_are_not_refused() -> None:
    assert (robust_z(np.zeros(50)) == 0.0).all()
    z = robust_z(np.where(np.arange(50) == 3, 1.0, 0.0))
    assert z.argmax() == 3
    assert inconsistent(z, np.zeros(50, np.bool_), 5.0).sum() == 1
    assert doubt_of_class(np.array([0.0, 1.0])).tolist()[1] == 0.0


def test_copies_do_not_make_usual_samples_near_duplicates() -> None:
    made = candidates(100)
    features = np.r_[made.features, made.features[:30]]
    found = neighbours(features, SENSOR, 0.01)
    assert found is not None
    assert (found.before_distance < found.same).nonzero()[0].tolist() == list(range(100, 130))
    values = np.r_[made.values, made.values[:30]]
    assert (exact(values) != np.arange(130)).nonzero()[0].tolist() == list(range(100, 130))
