from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.adapters.ledger.ranges import batch_id, plan, share
from dq_pipeline.errors import StreamError
from dq_pipeline.records import Loss, OffsetRange


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 1000), max_size=8), st.integers(1, 3000))
def test_shares_are_fair_and_use_all_there_is(available: dict[int, int], limit: int) -> None:
    shares = share(available, limit)
    assert sum(shares.values()) == min(limit, sum(available.values()))
    cut = [count for partition, count in shares.items() if count < available[partition]]
    assert all(0 <= count <= available[partition] for partition, count in shares.items())
    assert not cut or max(cut) - min(cut) <= 1  # whoever got less than there was got as much as the others
    assert not cut or max(shares.values()) <= min(cut) + 1


def test_loss_is_told_and_passed_over() -> None:
    planned = plan("t", {0: (7, 9)}, {0: 4}, 10)
    assert planned.losses == (Loss("t", 0, 4, 7),)
    assert planned.ranges == (OffsetRange(0, 7, 9),)


def test_a_new_partition_begins_at_its_earliest_offset_without_a_loss() -> None:
    planned = plan("t", {0: (0, 0), 3: (5, 6)}, {0: 0}, 10)
    assert planned.losses == ()
    assert planned.ranges == (OffsetRange(3, 5, 6),)


@pytest.mark.parametrize("watermarks", [{0: (0, 3)}, {1: (0, 9)}])
def test_a_topic_that_is_not_the_one_read_before_is_refused(watermarks: dict[int, tuple[int, int]]) -> None:
    with pytest.raises(StreamError, match="recreated"):
        plan("t", watermarks, {0: 4}, 10)


def test_batch_ids_name_what_is_read() -> None:
    ranges = (OffsetRange(0, 1, 5),)
    assert batch_id("p", "t", ranges) == batch_id("p", "t", ranges)
    assert len({batch_id("p", "t", ranges), batch_id("q", "t", ranges), batch_id("p", "u", ranges)}) == 3
    assert batch_id("p", "t", ranges) == "cee37b61a2ae8ad9"  # printf '["p","t",[[0,1,5]]]' | sha256sum
