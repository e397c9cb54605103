from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.drift_features import features
from dq_pipeline.profile.profile import Profile, profile


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(9)
    x = rng.normal(0, 1, (40, 30, 2))
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


@pytest.fixture(scope="module")
def reference(values, make_batch, make_process):
    return Reference.fit(make_batch(values), make_process(2, 30))


def same(a: Profile, b: Profile, rtol: float = 0.0) -> None:
    for field in fields(Profile):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if field.name == "reference_id":
            assert left == right
        else:
            np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol)


@given(cuts=st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=25, deadline=None)
def test_a_sum_does_not_depend_on_how_it_is_cut(values, reference, make_batch, cuts):
    whole = profile(make_batch(values), reference)
    edges = [0, *sorted(cuts), 40]
    parts = [profile(make_batch(values[a:b]), reference) for a, b in pairwise(edges)]
    same(Profile.concat(parts), whole)
    same(Profile.concat([part.total() for part in parts]).total(), whole.total(), rtol=1e-9)
    assert whole.total().samples.tolist() == [40]


@given(order=st.permutations(range(40)))
@settings(max_examples=15, deadline=None)
def test_permuting_samples_permutes_profiles(values, reference, make_batch, order):
    same(profile(make_batch(values[order]), reference), profile(make_batch(values), reference).take(order))


def test_bytes_bring_back_the_same(values, reference, make_batch):
    made = profile(make_batch(values), reference)
    same(Profile.from_bytes(made.to_bytes()), made)
    with pytest.raises(DataError, match="a profile"):
        Profile.from_bytes(reference.to_bytes())


def test_carries_the_drift_features_and_a_sum_has_none(values, reference, make_batch):
    made = profile(make_batch(values), reference)
    np.testing.assert_array_equal(made.drift_features, features(values, reference.drift))
    assert np.isnan(made.total().drift_features).all()


def test_a_view_of_the_first_rows_is_profiled_as_its_copy(values, reference, make_batch):
    longer = np.concatenate([values, values], axis=1)
    same(profile(make_batch(longer).head(30), reference), profile(make_batch(values), reference))


def test_no_samples_make_an_empty_profile(values, reference, make_batch):
    empty = profile(make_batch(values[:0]), reference)
    assert len(empty) == 0
    assert empty.total().seen.tolist() == [[0, 0]]


def test_refusals(values, reference, make_batch, make_process):
    with pytest.raises(DataError, match="Expected samples of 30 rows"):
        profile(make_batch(values[:, :20]), reference)
    other = Reference.fit(make_batch(values[:20]), make_process(2, 30))
    both = [profile(make_batch(values), r) for r in (reference, other)]
    with pytest.raises(DataError, match="one reference, found 2"):
        Profile.concat(both)
