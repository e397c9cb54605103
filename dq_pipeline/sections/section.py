"""What every section of a process file holds to, and the kinds of values several of them share."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dq_pipeline import units

NAME = r"^[a-z][a-z0-9_]{0,62}$"
TOPIC = r"^[A-Za-z0-9._-]{1,200}$"


def _known_unit(unit: str) -> str:
    if unit not in units.UNITS:
        raise ValueError(f"one of {', '.join(units.UNITS)}")
    return unit


def _known_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("an IANA time zone such as Europe/Vienna") from None
    return zone


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if not pair[0] < pair[1]:
        raise ValueError("two numbers, the lower first")
    return pair


UnitName = Annotated[str, AfterValidator(_known_unit)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Interval = Annotated[tuple[float, float], AfterValidator(_ordered)]
RowSpan = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]], AfterValidator(_ordered)]


class Section(BaseModel):
    """Unknown keys and numbers that are none are refused; what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)
