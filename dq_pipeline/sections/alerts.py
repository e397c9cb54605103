"""`alerts` of a process file: who hears of what, how often, and when not."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from dq_pipeline.sections.section import NAME, Section

Address = Annotated[str, Field(pattern=NAME)]
Addresses = Annotated[tuple[Address, ...], Field(max_length=20)]


def _clock(value: Any) -> Any:
    """`22:00`, which YAML takes for the number 1320 where it is not in quotes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        return value.zfill(5)
    raise ValueError("a time of day such as 22:00")


Clock = Annotated[str, BeforeValidator(_clock)]


class Routes(Section):
    """Names of the addresses that hear of notices of each severity; several for one notice are all told."""

    critical: Addresses = ()
    warning: Addresses = ()
    info: Addresses = ()


class Maintenance(Section):
    """Planned work, during which nobody is told: what came meanwhile is told at its end."""

    from_: datetime = Field(alias="from")
    until: datetime
    reason: str = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _ordered(self) -> Maintenance:
        if (self.from_.tzinfo is None) != (self.until.tzinfo is None):
            raise ValueError("`from` and `until` both with a time zone, or both without")
        if not self.from_ < self.until:
            raise ValueError("`from` before `until`")
        return self

    def holds(self, zone: str, now: datetime) -> datetime | None:
        """Its end, if `now` lies within it; times that say no zone are in `zone`."""
        begin, end = (_in(zone, one) for one in (self.from_, self.until))
        return end if begin <= now < end else None


class Alerts(Section):
    """Who is told of what goes wrong, and how often.

    Operates only: takes effect with the next notice that is sent.
    """

    to: Routes = Routes()
    changes: Addresses | None = None
    mute: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?$")], ...] = ()
    cooldown_min: float = Field(30.0, ge=0, le=10080)
    quiet_hours: tuple[Clock, Clock] | None = None
    maintenance: tuple[Maintenance, ...] = Field((), max_length=100)

    @model_validator(mode="after")
    def _apart(self) -> Alerts:
        if self.quiet_hours is not None and self.quiet_hours[0] == self.quiet_hours[1]:
            raise ValueError("quiet_hours: two different times, as [22:00, 06:00]")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        """All names, each once."""
        named = (*self.to.critical, *self.to.warning, *self.to.info, *(self.changes or ()))
        return tuple(dict.fromkeys(named))

    def quiet_until(self, zone: str, now: datetime) -> datetime | None:
        """When the quiet hours that `now` lies in end; None where it lies in none. `zone` is what they are in.

        Examples
        --------
        >>> from datetime import UTC, datetime
        >>> night = Alerts(quiet_hours=("22:00", "06:00"))
        >>> night.quiet_until("Europe/Vienna", datetime(2026, 7, 1, 21, 30, tzinfo=UTC)).isoformat()
        '2026-07-02T06:00:00+02:00'
        >>> night.quiet_until("Europe/Vienna", datetime(2026, 7, 1, 12, tzinfo=UTC)) is None
        True
        """
        if self.quiet_hours is None:
            return None
        begin, end = (time.fromisoformat(one) for one in self.quiet_hours)
        local = now.astimezone(ZoneInfo(zone))
        clock, day = local.time(), local.date()
        within = begin <= clock < end if begin < end else clock >= begin or clock < end
        if not within:
            return None
        ends = datetime.combine(day, end, ZoneInfo(zone))
        if clock >= end:
            ends = datetime.combine(day.fromordinal(day.toordinal() + 1), end, ZoneInfo(zone))
        return ends

    def maintained(self, zone: str, now: datetime) -> tuple[datetime, str] | None:
        """The end and the reason of the maintenance that `now` lies in; of several, the one that ends last."""
        found = [(end, one.reason) for one in self.maintenance if (end := one.holds(zone, now)) is not None]
        return max(found, default=None)


def _in(zone: str, moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))
