from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.model.weights import refit_weights

AGES = np.array([600, 300, 299, 0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("fading", [np.exp(-2) + 0.05, np.exp(-1) + 0.05, np.exp(-299 / 300) + 0.05, 1.05]),
        ("newest", [0.0, 0.0, 1.0, 1.0]),
        ("expanding", [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_weights_by_age(kind, expected):
    np.testing.assert_allclose(refit_weights(kind, AGES, 300.0, 0.05), expected)
