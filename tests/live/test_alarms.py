"""An alarm is raised while the recording it speaks of still goes on."""

from __future__ import annotations

import pytest

from dq_pipeline.records import OffsetRange

from .platform import Line, until

pytestmark = pytest.mark.live


def test_the_alarm_stands_on_its_topic_before_the_recording_has_ended(pump: Line) -> None:
    low = min(pump.fresh(60), key=lambda run: float(run.target.mean()))
    assert low.target.mean() < 4.0
    pump.publish([low], ["horizon"])

    def alarms() -> list[dict[str, object]]:
        return [message for message in pump.messages("alarms") if message["sample_id"] == low.sample_id]

    until(alarms, "the alarm")
    number = "SELECT count(*) FROM dq.scores WHERE process = %s AND scope = 'completion' AND sample_id = "
    assert pump.rows(f"{number} '{low.sample_id}'") == [(0,)]
    pump.feed([low], ["completion"])
    assert pump.rows(f"{number} '{low.sample_id}'") == [(1,)]
    assert len(alarms()) == 1, "the completed recording is not answered again"
    assert latest(pump, "alarms_topic") < latest(pump, "topic"), "by the broker's own clock"


def latest(line: Line, topic: str) -> int:
    """When the newest message of a topic was published, in ms."""
    name = getattr(line.world.process(line.process).stream, topic)
    ranges = [OffsetRange(p, end - 1, end) for p, (_, end) in line.world.stream.watermarks(name).items() if end]
    return max(message.timestamp_ms for message in line.world.stream.read(name, ranges))
