"""Every trouble does what it is named for, and touches nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.simulate.troubles import SEVERITIES, SIZES, Delivered, Usual, inject, partner

UNITS = ("bar", "degC", "l/min", "log10(mbar)")
EVERY = [
    (cause, kind, severity)
    for cause, kinds in SIZES.items()
    for kind, sizes in kinds.items()
    for severity, size in zip(SEVERITIES, sizes, strict=True)
    if size
]


@pytest.fixture
def came():
    rng = np.random.default_rng(3)
    values = np.array([10.0, 40.0, 5.0, 1.0]) + rng.normal(size=(80, 1, 4)) + 0.1 * rng.normal(size=(80, 30, 4))
    return Delivered.as_usual(values, rng.normal(size=80), np.full(80, 4.0))


@pytest.mark.parametrize(("cause", "kind", "severity"), EVERY)
def test_touches_what_it_is_named_for(came, cause, kind, severity):
    usual = Usual.of(came.values, 0.2, UNITS)
    made = inject(cause, kind, severity, 1, came, usual, np.random.default_rng(0))
    again = inject(cause, kind, severity, 1, came, usual, np.random.default_rng(0))
    changed = {
        name
        for name in Delivered.__slots__
        if not np.array_equal(getattr(came, name), getattr(made, name), equal_nan=name in ("values", "target"))
    }
    expected = {"calibration": "values", "dead_sensor": "values", "concept_drift": "target", "labels": "target"}
    late = {"lost_rows": "values", "late_rows": "disordered", "delayed": "late", "lost_samples": "came"}
    assert changed == {expected.get(cause) or late.get(kind, "twice")}
    for name in Delivered.__slots__:
        assert np.array_equal(getattr(made, name), getattr(again, name), equal_nan=name in ("values", "target"))
    if expected.get(cause) == "values":
        others = [0, 2, 3] if kind != "swapped" else [k for k in (0, 2, 3) if k != partner(1, usual)]
        assert np.array_equal(made.values[:, :, others], came.values[:, :, others])


def test_sizes_are_those_stated(came):
    usual = Usual.of(came.values, 0.2, UNITS)
    rng = np.random.default_rng(0)
    moved = inject("calibration", "offset", "medium", 0, came, usual, rng).values - came.values
    assert np.abs(moved[:, :, 0]).mean() == pytest.approx(2.0 * usual.sd[0])
    moved = inject("calibration", "gain", "large", 0, came, usual, rng).values.mean(axis=(0, 1)) - usual.level
    assert abs(moved[0]) == pytest.approx(4.0 * usual.sd[0], rel=0.01)
    shifted = inject("concept_drift", "shift", "large", 0, came, usual, rng).target - came.target
    assert np.abs(shifted).mean() == pytest.approx(0.8)


def test_refuses_what_has_no_size(came):
    usual = Usual.of(came.values, 0.2, UNITS)
    with pytest.raises(DataError, match="with a size expected"):
        inject("calibration", "unit", "small", 0, came, usual, np.random.default_rng(0))
    with pytest.raises(DataError, match="with a size expected"):
        inject("gremlins", "any", "large", 0, came, usual, np.random.default_rng(0))
