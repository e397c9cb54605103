from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dq_pipeline.feedback.fit import fit
from dq_pipeline.feedback.flags import Rules
from dq_pipeline.records import FlagKind
from dq_pipeline.storage import from_npz, to_npz

F, PER, N, M = 3, 7, 400, 200
SENSOR = np.repeat(np.arange(F), PER)
SENSORS = ("p", "q", "r")
FAULTS = np.linspace(0.0, 0.5, 101)
NEW = ("low_level", "beyond_level", "levels", "scores", "injected")
Floats = NDArray[np.float64]


def samples(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Features, forward predictions and absolute errors; where the first feature is high the model errs more."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, F * PER)) + rng.normal(size=(n, 1))
    errors = np.abs(rng.normal(size=n)) * np.where(features[:, 0] > 2.5, 6.0, 1.0)
    return features, 10.0 + rng.normal(size=n), errors


def rules_of(seed: int = 0, **options: float) -> Rules:
    features, outputs, errors = samples(N, seed)
    unified = np.random.default_rng(seed).beta(5, 2, N)
    settings = {"per_100": 5.0, "band": 0.15, "threshold": 0.25, "radius": 1.65, "classes": 0, **options}
    found = fit(
        features, SENSOR, SENSORS, targets=outputs, errors=errors[-M:], unified=unified, scores=unified,
        injected=FAULTS, **settings,  # type: ignore[arg-type]
    )  # fmt: skip
    assert found is not None
    return found


@pytest.fixture(scope="module")
def rules() -> Rules:
    return rules_of()


def test_fresh_samples_keep_the_budget_of_all_kinds_together() -> None:
    rates = []
    for seed in range(8):
        rules = rules_of(seed)
        features, outputs, errors = samples(1000, 1000 + seed)
        ids = [str(i) for i in range(1000)]
        flags = rules.at_answer(ids, "1", features, outputs, np.ones(1000, np.bool_))
        unified = np.random.default_rng(seed + 50).beta(5, 2, 1000)
        flags += rules.at_score(ids, "1", unified, 0.25, {})
        rows = np.stack([outputs, outputs - 1.65, outputs + 1.65, outputs + errors], axis=1)
        flags += rules.at_target([(name, "1", row) for name, row in zip(ids, rows, strict=True)])
        rates.append(len({flag.sample_id for flag in flags}) / 1000)
    assert 0.02 < np.mean(rates) < 0.075


def test_each_kind_finds_what_it_is_for(rules: Rules) -> None:
    features, outputs, _ = samples(40, 9)
    features[3, SENSOR == 1] += 8.0
    outputs[5] = 30.0
    ids = [f"s{i}" for i in range(40)]
    flags = {(f.sample_id, f.kind): f for f in rules.at_answer(ids, "7", features, outputs, np.ones(40, np.bool_))}
    far = flags["s3", FlagKind.OUT_OF_DISTRIBUTION]
    assert (far.release, far.evidence["sensors"][0]["sensor"]) == ("7", "q")
    assert far.p is not None
    assert far.p <= rules.levels[2] == far.evidence["level"]
    assert flags["s5", FlagKind.UNUSUAL_PREDICTION].evidence["value"] == 30.0
    dimensions = {"accuracy": np.array([0.2, 1.0, 0.0]), "completeness": np.array([0.1, 1.0, 1.0])}
    scored = rules.at_score(["a", "b", "c"], "7", np.array([0.26, 0.9, 0.0]), 0.25, dimensions)
    assert [(flag.sample_id, str(flag.kind)) for flag in scored] == [
        ("a", "low_score"),
        ("c", "low_score"),
        ("a", "doubtful_score"),
    ]
    assert scored[0].evidence["lowest"] == {"completeness": 0.1, "accuracy": 0.2}
    assert scored[1].evidence["lowest"] == {"accuracy": 0.0}
    judged = rules.at_target(
        [("in", "7", np.array([10.0, 8.0, 12.0, 11.0])), ("out", "6", np.array([10.0, 8.0, 12.0, 99.0]))]
    )
    assert [(flag.sample_id, flag.release) for flag in judged] == [("out", "6")]
    assert judged[0].evidence["half_widths"] == 44.5


def test_neighbours_on_which_the_model_erred_make_an_interval_wide() -> None:
    rules = rules_of(3, per_100=20.0)
    features, outputs, _ = samples(2000, 4)
    ids = [str(i) for i in range(2000)]
    flags = rules.at_answer(ids, "1", features, outputs, np.ones(2000, np.bool_))
    wide = [int(flag.sample_id) for flag in flags if flag.kind is FlagKind.WIDE_INTERVAL]
    hard = features[:, 0] > 2.5
    assert len(wide) > 10
    assert hard[wide].mean() > 2.0 * hard.mean()


def test_a_fallbacks_answers_are_not_judged(rules: Rules) -> None:
    features, _, _ = samples(20, 9)
    flags = rules.at_answer([str(i) for i in range(20)], "1", features, np.full(20, 1e6), np.zeros(20, np.bool_))
    assert FlagKind.UNUSUAL_PREDICTION not in Counter(flag.kind for flag in flags)


def test_a_drift_that_all_share_does_not_flag_all(rules: Rules) -> None:
    features, outputs, _ = samples(100, 11)
    moved = features + 4.0 * (SENSOR == 1)
    ids = [str(i) for i in range(100)]
    flagged = {flag.sample_id for flag in rules.at_answer(ids, "1", moved, outputs, np.ones(100, np.bool_))}
    single = rules.at_answer(["x"], "1", moved[:1], outputs[:1], np.ones(1, np.bool_))
    assert len(flagged) < 25
    assert FlagKind.OUT_OF_DISTRIBUTION in {flag.kind for flag in single}, "by itself it is out of distribution"


def test_comes_back_from_bytes_to_the_last_bit(rules: Rules) -> None:
    again = Rules.from_bytes(rules.to_bytes())
    features, outputs, _ = samples(60, 12)
    ids, answered = [str(i) for i in range(60)], np.ones(60, np.bool_)
    assert again.at_answer(ids, "1", features, outputs, answered) == rules.at_answer(
        ids, "1", features, outputs, answered
    )
    assert (again.sensors, again.levels.tolist(), again.classes) == (
        rules.sensors,
        rules.levels.tolist(),
        rules.classes,
    )


def test_too_small_a_reference_flags_nothing() -> None:
    features, outputs, errors = samples(60, 0)
    options = {"radius": 1.0, "threshold": 0.25, "per_100": 1.0, "band": 0.1, "scores": np.empty(0), "injected": FAULTS}
    few = fit(features, SENSOR, SENSORS, targets=outputs, errors=errors[-30:], unified=np.full(60, 0.9), **options)  # type: ignore[arg-type]
    assert few is not None
    assert not few.levels.any()
    assert few.at_answer(["a"], "1", features[:1] + 99.0, outputs[:1], np.ones(1, np.bool_)) == []
    assert (
        fit(
            features[:30], SENSOR, SENSORS, targets=outputs[:30], errors=errors[:9], unified=np.full(30, 0.9), **options
        )
        is None
    )  # type: ignore[arg-type]


def test_classes_are_judged_by_how_rare_they_are() -> None:
    features, _, errors = samples(N, 0)
    rng = np.random.default_rng(0)
    targets = (rng.random(N) < 0.01).astype(np.float64)
    rules = fit(
        features, SENSOR, SENSORS, targets=targets, errors=np.minimum(errors[-M:], 1.0) * 0.1, radius=0.5,
        unified=np.full(N, 0.9), scores=np.full(N, 0.9), injected=FAULTS, threshold=0.25, per_100=10.0, band=0.1,
        classes=3,
    )  # fmt: skip
    assert rules is not None
    value = np.zeros(20)
    value[4] = 2.0
    flags = rules.at_answer([str(i) for i in range(20)], "1", features[:20], value, np.ones(20, np.bool_))
    assert [flag.sample_id for flag in flags if flag.kind is FlagKind.UNUSUAL_PREDICTION] == ["4"]
    assert len(rules.at_target([("a", "1", np.array([0.0, 0.0, 1.0, 2.0]))])) == 1


def _answers(errors: Floats) -> Floats:
    """Of 0, between -1 and 1, with such errors."""
    return np.stack([np.zeros(len(errors)), np.full(len(errors), -1.0), np.ones(len(errors)), errors], axis=1)


def _judged(errors: Floats) -> list[tuple[str, str, Floats]]:
    return [(str(i), "1", row) for i, row in enumerate(_answers(errors))]


def test_errors_are_judged_beside_those_of_the_newest_answers(rules: Rules) -> None:
    rng = np.random.default_rng(1)
    late, before = rng.uniform(-5.0, 5.0, 100), _answers(rng.uniform(-5.0, 5.0, 400))
    assert len(rules.at_target(_judged(late))) > 30
    assert len(rules.at_target(_judged(late), before)) <= 6
    assert rules.at_target(_judged(np.array([9.0])), before)[0].p == pytest.approx(1 / 401)


def test_an_error_that_all_share_is_drift_and_a_label_that_does_not_share_it_is_flagged(rules: Rules) -> None:
    rng = np.random.default_rng(3)
    shared = 3.0 + rng.normal(0.0, 0.3, 40)
    shared[7] = -4.0
    (flag,) = rules.at_target(_judged(shared))
    assert (flag.sample_id, flag.evidence["half_widths"]) == ("7", 4.0)
    assert flag.evidence["common"] == pytest.approx(3.0, abs=0.3)
    assert len(rules.at_target(_judged(shared[:5]))) == 5, "too few to have anything in common"


def test_faulty_recordings_among_the_scores_do_not_hide_each_other() -> None:
    rng = np.random.default_rng(2)
    mixture = np.concatenate([rng.beta(30, 2, 360), rng.uniform(0.0, 0.5, 40)])
    known, blind = (replace(rules_of(), scores=mixture, injected=injected) for injected in (FAULTS, np.empty(0)))
    fresh = rng.uniform(0.0, 0.5, 100)
    ids = [str(i) for i in range(100)]
    found, without = (
        sum(flag.kind is FlagKind.LOW_SCORE for flag in rules.at_score(ids, "1", fresh, 0.25, {}))
        for rules in (known, blind)
    )
    assert found > 80
    assert without < 40
    well = known.at_score(ids, "1", rng.beta(30, 2, 100), 0.25, {})
    assert len(well) < 8


def test_rules_of_an_older_release_load_and_flag_as_they_did(rules: Rules) -> None:
    arrays = {name: values for name, values in from_npz(rules.to_bytes(), "rules").items() if name not in NEW}
    older = Rules.from_bytes(to_npz({**arrays, "level": np.float64(0.02)}))
    assert (older.low_level, older.beyond_level, older.levels.tolist()) == (0.0, 0.02, [0.02] * 4)
    assert {flag.kind for flag in older.at_score(["a"], "1", np.array([0.26]), 0.25, {})} == {FlagKind.DOUBTFUL_SCORE}
    assert older.at_target([("x", "1", np.array([0.0, -1.0, 1.0, 99.0]))])[0].kind is FlagKind.BEYOND_INTERVAL
    features, outputs, _ = samples(60, 12)
    assert older.at_answer([str(i) for i in range(60)], "1", features, outputs, np.ones(60, np.bool_))
