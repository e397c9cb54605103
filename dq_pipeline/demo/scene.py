"""What happens on the stream, as the ledger tells it: read again and again, and told to the person who waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Change, DriftAlarm
from dq_pipeline.steps import agenda

EVERY = 1 << 62


@dataclass(frozen=True, slots=True)
class Glance:
    """One look at the ledger.

    Attributes
    ----------
    alarms
        Of the drift detector, in stream order.
    due
        Key of the adaptation that is due, None if none is.
    busy
        Whether a micro-batch is neither committed nor parked, or messages of the outbox are not sent.
    """

    read: int
    quarantined: int
    samples: int
    score: float | None
    model_alarms: int
    parked: int
    alarms: tuple[DriftAlarm, ...]
    changes: tuple[Change, ...]
    production: str | None
    due: str | None
    busy: bool

    @property
    def sign(self) -> tuple[Any, ...]:
        """Differs as soon as anything moved on."""
        return self.read, self.samples, len(self.alarms), len(self.changes), self.due, self.busy

    def line(self, fed: int, total: int) -> str:
        """The glance in one line."""
        parts = [
            f"fed {fed}/{total}",
            f"read {self.read}",
            f"quarantined {self.quarantined}",
            f"median score {'-' if self.score is None else f'{self.score:.2f}'}",
            f"alarms {self.model_alarms}",
            f"drift alarms {len(self.alarms)}",
            f"release {self.production or '-'}" + (f", {self.due} under way" if self.due else ""),
        ]
        return "  ".join(parts)


def glance(world: World, process: Process, now: Any) -> Glance:
    """Look at the ledger."""
    name, ledger = process.name, world.ledger
    found = ledger.summary(name)
    due, production = agenda.read(world, name).due, ledger.production(name)
    return Glance(
        read=found["recordings"]["read"],
        quarantined=sum(found["recordings"]["quarantined"].values()),
        samples=ledger.sample_count(name),
        score=found["unified"].get("p50"),
        model_alarms=found["alarms"],
        parked=found["parked"],
        alarms=tuple(ledger.drift_alarms(name, first_sample=0, stop_sample=EVERY)),
        changes=tuple(ledger.changes(name)),
        production=None if production is None else production.version,
        due=None if due is None else due["key"],
        busy=ledger.open_batch(name, now) is not None or found["outbox_pending"] > 0,
    )


@dataclass(slots=True)
class Teller:
    """Tells what changed since the last glance."""

    say: Callable[[str], None]
    _events: int = 0
    _changes: int = 0
    _parked: int = 0

    def tell(self, seen: Glance) -> None:
        """Say what is new."""
        fresh = seen.alarms[self._events :]
        if fresh:
            first = fresh[0]
            more = f" and {len(fresh) - 1} more times" if len(fresh) > 1 else ""
            where = f"sample {first.sample}, since about {first.change_point:.0f}"
            self.say(f"drift seen at {where} in {', '.join(first.sensors) or 'all sensors'}{more}")
            self._events = len(seen.alarms)
        for change in seen.changes[self._changes :]:
            self.say(f"release {change.version}: {change.action} ({change.why})")
        self._changes = len(seen.changes)
        if seen.parked > self._parked:
            self.say(f"{seen.parked} micro-batches are parked after failing again and again; see the log")
            self._parked = seen.parked
