"""How long something takes: a median, after one call that warms up."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def median_seconds(work: Callable[[], object], turns: int, clock: Callable[[], float] = time.thread_time) -> float:
    """Median over some turns, of the thread's own processor unless another clock is given."""
    work()
    found = []
    for _ in range(turns):
        began = clock()
        work()
        found.append(clock() - began)
    return median(found)
