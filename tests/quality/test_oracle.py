from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.quality.oracle import LEAST, chosen, disagreement


@given(ids=st.lists(st.text(max_size=8), max_size=20), share=st.floats(0, 1), more=st.floats(0, 1))
def test_the_choice_belongs_to_the_sample_and_grows_with_the_share(ids, share, more):
    mask = chosen(ids, share)
    assert mask.tolist() == [bool(chosen([name], share)[0]) for name in ids]
    assert not (mask & ~chosen(ids, max(share, more))).any()
    assert chosen(ids, 1.0).all()


def test_about_the_share_that_was_asked_for():
    assert chosen([f"sample-{i}" for i in range(5000)], 0.1).mean() == pytest.approx(0.1, abs=0.015)


def test_few_samples_say_nothing():
    direct = np.linspace(0, 1, LEAST)
    assert disagreement(direct[1:], direct[1:]) is None
    assert disagreement(direct, direct) == 0.0
    assert disagreement(direct, direct[::-1]) == pytest.approx(np.abs(direct - direct[::-1]).mean())
