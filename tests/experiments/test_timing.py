from __future__ import annotations

from dq_pipeline.experiments.timing import median_seconds


def test_the_median_of_the_turns_after_one_that_warms_up():
    took = iter([100.0, 3.0, 9.0, 1.0])
    now = 0.0

    def work() -> None:
        nonlocal now
        now += next(took)

    assert median_seconds(work, 3, lambda: now) == 3.0
