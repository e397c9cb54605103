import os
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.experiments.detection.kinds import DRIFTS, EIGHT, FAULTS, KINDS, UNSEEN, case, quiet_case
from dq_pipeline.experiments.detection.streams import BEFORE, LONGEST, REFERENCE, levels, steady


def described(values):
    """Sd of sample means, sd about them, correlation with the sample and with the row before, and between sensors."""
    means = values.mean(axis=1)
    about = values - means[:, None]
    centred = means - means.mean(axis=0)
    between = np.corrcoef(means.T)
    return np.array(
        [
            means.std(axis=0).mean(),
            about.std(),
            (centred[1:] * centred[:-1]).mean() / (centred**2).mean(),
            (about[:, 1:] * about[:, :-1]).mean() / (about**2).mean(),
            between[np.triu_indices(8, 1)].mean(),
        ]
    )


@pytest.mark.skipif(not os.environ.get("DQ_DATA_DIR"), reason="DQ_DATA_DIR is not set")
def test_streams_are_like_those_the_detector_was_designed_on():
    with np.load(Path(os.environ["DQ_DATA_DIR"]) / "golden" / "drift_sr.npz") as golden:
        known = described(golden["none_X"].astype(float))
    np.testing.assert_allclose(described(steady(3000, np.random.default_rng(3)).values), known, atol=0.06)


def test_a_case_is_the_same_again_and_its_changes_branch_off_where_they_should():
    one, again = (case(5, BEFORE + LONGEST, EIGHT) for _ in range(2))
    np.testing.assert_array_equal(one.quiet, again.quiet)
    for a, b in zip(one.changed, again.changed, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.reference.shape == (REFERENCE, 60, 8)
    np.testing.assert_allclose(one.changed[0], one.quiet[BEFORE:] + 0.3)
    assert quiet_case(6, 50).quiet.shape == (50, 60, 8)


@pytest.mark.parametrize("title", KINDS)
def test_a_kind_changes_its_sensors_and_no_others(title):
    kind = KINDS[title]
    made = case(2, BEFORE + LONGEST, {"it": kind})
    changed = made.changed[0]
    moved = {j for j in range(8) if not np.array_equal(changed[:, :, j], made.quiet[BEFORE:, :, j])}
    unseen = {FAULTS["late"].title, DRIFTS["concept-only"].title}
    assert moved == (set() if title in unseen else set(kind.sensors) or set(range(8)))


def test_kinds_that_the_inputs_do_not_show_leave_them_alone():
    assert set(UNSEEN) <= {*FAULTS, *DRIFTS}
    kinds = {name: {**FAULTS, **DRIFTS}[name] for name in UNSEEN}
    made = case(1, BEFORE + LONGEST, kinds)
    assert all(np.array_equal(one, made.quiet[BEFORE:]) for one in made.changed)


def test_correlation_alone_changes_where_it_says_so():
    rng = np.random.default_rng(4)
    before, after = levels(20_000, 0.3, rng), levels(20_000, 0.95, rng)
    np.testing.assert_allclose(before.std(axis=0), np.sqrt(0.3), rtol=0.03)
    np.testing.assert_allclose(after.std(axis=0), np.sqrt(0.3), rtol=0.05)
    for made, shared in ((before, 0.3), (after, 0.95)):
        np.testing.assert_allclose(np.corrcoef(made.T)[np.triu_indices(8, 1)], shared, atol=0.03)


def test_the_eight_and_the_longer_lists_are_complete():
    assert len(EIGHT) == 8
    assert set(FAULTS) == {
        *("stuck", "spike", "bias", "gain", "unit swap", "dropout", "noise burst"),
        *("clock skew", "late", "duplicated", "out of order"),
    }
    assert set(DRIFTS) == {
        *("abrupt", "gradual", "recurring", "single-sensor", "covariate-only", "correlation-only", "concept-only")
    }
    assert list(KINDS)[:8] == [kind.title for kind in EIGHT.values()]
