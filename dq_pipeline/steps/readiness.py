"""Whether the next micro-batch is worth pulling: what the sensor asks, again and again, consuming nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from dq_pipeline.ports import World
from dq_pipeline.process import Stream as StreamSettings
from dq_pipeline.records import OffsetRange
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.wire.codec import KIND

BACKOFF_FIRST_S = 2.0
BACKOFF_MOST_S = 300.0

State = Literal["ready", "waiting for samples", "waiting for a release", "held by another run", "backing off"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether to fire, and why; `lag` counts messages not yet claimed."""

    fire: bool
    state: State
    why: str
    lag: int = 0
    backoff_until: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """For XCom and `--json`."""
        return {
            "fire": self.fire,
            "state": self.state,
            "why": self.why,
            "lag": self.lag,
            "backoff_until": self.backoff_until.isoformat() if self.backoff_until else None,
        }


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubling, bounded."""
    return 0.0 if failures <= 0 else float(min(BACKOFF_FIRST_S * 2.0 ** (min(failures, 20) - 1), BACKOFF_MOST_S))


@dataclass(slots=True)
class Watch:
    """Looks at one process' topic again and again.

    It remembers which unread messages it has looked into, so that each is fetched once while it waits.
    """

    world: World
    process: str
    _looked: dict[int, int] = field(default_factory=dict)
    _horizon_ms: dict[int, tuple[int, int]] = field(default_factory=dict)

    def look(self) -> Readiness:
        """One look. Raises StreamError or a database error where a server does not answer."""
        ledger, now = self.world.ledger, utc_now()
        settings = self.world.process(self.process).stream
        if ledger.production(self.process) is None:
            why = f"no release in Production: run {self.process}_initialization"
            return Readiness(False, "waiting for a release", why)
        failures, last = ledger.failures(self.process)
        if last is not None and now < (until := last + timedelta(seconds=backoff_s(failures))):
            why = f"{failures} failure{'s' if failures != 1 else ''} in a row"
            return Readiness(False, "backing off", why, backoff_until=until)
        open_batch = ledger.open_batch(self.process, now)
        if open_batch is not None:
            claim, leased = open_batch
            if leased:
                why = f"{claim.holder} holds batch {claim.batch_id}"
                return Readiness(False, "held by another run", why)
            return Readiness(True, "ready", f"batch {claim.batch_id} was left {claim.state}", len(claim.ranges))
        if ledger.unsent(self.process, 1):
            return Readiness(True, "ready", "the outbox holds messages that were not sent")
        return self._unread(settings, now)

    def _unread(self, settings: StreamSettings, now: datetime) -> Readiness:
        positions = self.world.ledger.positions(self.process, settings.topic)
        marks = self.world.stream.watermarks(settings.topic)
        for p, position in positions.items():
            if p not in marks or marks[p][1] < position:
                why = f"partition {p} of {settings.topic} ends before offset {position}, which is to be read next"
                return Readiness(True, "ready", why)  # the pull that follows fails and says what to do
        starts = {p: max(positions.get(p, earliest), earliest) for p, (earliest, _) in marks.items()}
        lag = sum(max(end - starts[p], 0) for p, (_, end) in marks.items())
        if lag == 0:
            return Readiness(False, "waiting for samples", "nothing unread")
        if lag >= settings.min_samples:
            return Readiness(True, "ready", f"{lag} unread messages", lag)
        oldest = self.world.stream.oldest_ms(settings.topic, starts)
        age_s = 0.0 if oldest is None else now.timestamp() - oldest / 1000.0
        if age_s >= settings.max_wait_s:
            return Readiness(True, "ready", f"the oldest unread message has waited {age_s:.1f} s", lag)
        horizon_s = self._horizon_age_s(settings, starts, marks, now)
        if horizon_s is not None and horizon_s >= settings.horizon_wait_s:
            return Readiness(True, "ready", f"a horizon has waited {horizon_s:.1f} s", lag)
        return Readiness(False, "waiting for samples", f"{lag} unread", lag)

    def _horizon_age_s(
        self, settings: StreamSettings, starts: dict[int, int], marks: dict[int, tuple[int, int]], now: datetime
    ) -> float | None:
        """Age of the oldest unread horizon; only messages not looked into before are fetched."""
        fresh = []
        for p, (_, end) in marks.items():
            if p in self._horizon_ms and self._horizon_ms[p][0] < starts[p]:
                del self._horizon_ms[p]
            begin = max(starts[p], self._looked.get(p, 0))
            if p not in self._horizon_ms and begin < end:
                fresh.append(OffsetRange(p, begin, end))
        for message in self.world.stream.read(settings.topic, fresh) if fresh else ():
            self._looked[message.partition] = message.offset + 1
            if dict(message.headers).get(KIND) == b"horizon":
                self._horizon_ms.setdefault(message.partition, (message.offset, message.timestamp_ms))
        if not self._horizon_ms:
            return None
        return now.timestamp() - min(ms for _, ms in self._horizon_ms.values()) / 1000.0


def readiness(world: World, process: str) -> dict[str, Any]:
    """A single look, as a dict; a sensor keeps a :class:`Watch` instead."""
    return Watch(world, process).look().as_dict()
