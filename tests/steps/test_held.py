"""What a run holds between its steps: used where it fits what was claimed, and never in its place."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dq_pipeline.errors import StreamError
from dq_pipeline.process_file import load
from dq_pipeline.records import OffsetRange, RawMessage
from dq_pipeline.steps import Held
from dq_pipeline.steps.clock import as_moment, utc_now
from dq_pipeline.steps.gate import decode_all

PROCESS = load(Path("dags/processes/vacuum.yaml"))


def _world(failure: Exception | None = None) -> Any:
    def read(topic: str, ranges: Sequence[OffsetRange]) -> Iterator[RawMessage]:
        if failure is not None:
            raise failure
        return (RawMessage(r.partition, o, 0, None, b"", ()) for r in ranges for o in range(r.start, r.stop))

    return SimpleNamespace(stream=SimpleNamespace(read=read))


@pytest.fixture
def held() -> Iterator[Held]:
    one = Held()
    yield one
    one.close()


def _offsets(found: Any) -> dict[int, list[int]]:
    return {partition: [message.offset for message in messages] for partition, messages in found.items()}


def test_what_was_read_ahead_is_not_read_again(held: Held) -> None:
    held.read_ahead(_world(), "t", [OffsetRange(0, 5, 8), OffsetRange(1, 0, 2)], PROCESS)
    found, left = held.take_ahead("t", [OffsetRange(0, 5, 8), OffsetRange(1, 0, 2)])
    assert (_offsets(found), left) == ({0: [5, 6, 7], 1: [0, 1]}, [])


def test_what_was_decoded_ahead_is_all_that_was_claimed_or_nothing(held: Held) -> None:
    ahead = [OffsetRange(0, 5, 8), OffsetRange(1, 0, 2)]
    for claimed, settings, known in (
        (ahead, PROCESS, True),
        (ahead[:1], PROCESS, False),
        ([ahead[0], OffsetRange(1, 0, 3)], PROCESS, False),
        (ahead, PROCESS.model_copy(update={"description": "another"}), False),
    ):
        held.read_ahead(_world(), "t", ahead, PROCESS)
        held.take_ahead("t", claimed)
        decoded = held.decoded_ahead(settings)
        assert (decoded is not None) == known
        assert decoded is None or (decoded.messages, len(decoded.refused)) == (5, 5)
        assert held.decoded_ahead(PROCESS) is None


def test_a_claim_of_less_more_or_elsewhere_is_read_from_the_stream(held: Held) -> None:
    held.read_ahead(_world(), "t", [OffsetRange(0, 5, 8), OffsetRange(1, 0, 2), OffsetRange(2, 0, 2)], PROCESS)
    claimed = [OffsetRange(0, 5, 6), OffsetRange(1, 0, 4), OffsetRange(2, 1, 2), OffsetRange(3, 0, 1)]
    found, left = held.take_ahead("t", claimed)
    assert _offsets(found) == {0: [5], 1: [0, 1]}
    assert left == [OffsetRange(1, 2, 4), OffsetRange(2, 1, 2), OffsetRange(3, 0, 1)]


def test_it_is_used_once_and_for_its_topic_alone(held: Held) -> None:
    wanted = [OffsetRange(0, 0, 2)]
    held.read_ahead(_world(), "t", wanted, PROCESS)
    assert held.take_ahead("another", wanted) == ({}, wanted)
    assert held.take_ahead("t", wanted) == ({}, wanted)


def test_a_stream_that_fails_meanwhile_is_read_when_its_turn_comes(held: Held) -> None:
    wanted = [OffsetRange(0, 0, 2)]
    held.read_ahead(_world(StreamError("gone")), "t", wanted, PROCESS)
    assert held.take_ahead("t", wanted) == ({}, wanted)


def test_decoded_messages_are_given_for_their_file_and_settings_once(held: Held) -> None:
    decoded = decode_all([], PROCESS, as_moment(utc_now()))
    other = PROCESS.model_copy(update={"alarm": None, "description": "another"})
    held.keep("a", PROCESS, decoded)
    assert held.take("b", PROCESS) is None
    held.keep("a", PROCESS, decoded)
    assert held.take("a", other) is None
    held.keep("a", PROCESS, decoded)
    assert held.take("a", PROCESS) is decoded
    assert held.take("a", PROCESS) is None
