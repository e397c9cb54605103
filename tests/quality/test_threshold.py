from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.quality.threshold import accept


@given(scores=st.lists(st.floats(0, 1)), threshold=st.floats(0, 1))
def test_a_score_that_reaches_the_threshold_is_accepted(scores, threshold):
    assert accept(np.array(scores), threshold).tolist() == [score >= threshold for score in scores]
