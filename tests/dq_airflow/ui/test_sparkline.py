from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dq_airflow.ui.sparkline import HEIGHT, WIDTH, sparkline

numbers = st.one_of(st.none(), st.floats(-1e9, 1e9))


@given(st.lists(numbers, max_size=60), st.one_of(st.none(), st.floats(-1e9, 1e9)))
def test_what_is_drawn_stays_inside(values: list[float | None], level: float | None) -> None:
    drawn = sparkline(values, level)
    known = [value for value in values if value is not None]
    if len(known) < 2:
        assert drawn is None
        return
    assert drawn is not None
    points = [tuple(map(float, point.split(","))) for line in drawn.lines for point in line.split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert drawn.level is None or 0 <= drawn.level <= HEIGHT


def test_numbers_that_are_all_the_same_are_a_line() -> None:
    drawn = sparkline([3.0, 3.0, 3.0])
    assert drawn is not None
    assert len(drawn.lines) == 1
    assert drawn.words == "from 3 to 3, lowest 3, highest 3"
