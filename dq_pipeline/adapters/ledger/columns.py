"""Column types of the ledger, and what PostgreSQL can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Identity,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "dq"


def storable(words: str) -> str:
    """Text as PostgreSQL can hold it: no NUL and no half of a surrogate pair, which hostile messages may carry.

    >>> storable("a\\x00b") == "a\\ufffdb"
    True
    """
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """A document as JSONB can hold it: plain containers, no NaN or infinity (null instead), storable text.

    >>> plain({"mae": float("nan"), "sensors": ("PS1",)})
    {'mae': None, 'sensors': ['PS1']}
    """
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        return plain(value.tolist())
    return storable(str(value))


class Words(TypeDecorator[str]):
    """Text that PostgreSQL can hold whatever a message carried."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; naive ones are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError(f"A time with its zone expected, found the naive {value!r}. Give UTC.")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)


def of_process(**options: Any) -> Column[str]:
    return Column("process", Words, ForeignKey(f"{SCHEMA}.processes.process"), nullable=False, **options)


def number() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def instant(name: str, *, required: bool = True) -> Column[datetime]:
    return Column(name, Instant, nullable=not required)


def words(name: str, *, required: bool = True) -> Column[str]:
    return Column(name, Words, nullable=not required)


def whole(name: str, *, required: bool = True) -> Column[int]:
    return Column(name, BigInteger, nullable=not required)


def real(name: str, *, required: bool = True) -> Column[float]:
    return Column(name, Float, nullable=not required)


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def document(name: str, *, required: bool = True) -> Column[Any]:
    return Column(name, JSONB, nullable=not required)


def of_incident() -> tuple[Column[Any] | UniqueConstraint, ...]:
    """What went wrong, when it was seen and whether people were told; its cause, and its life."""
    return (
        words("kind"),
        words("title"),
        document("evidence"),
        instant("at"),
        flag("told"),
        Column("event", BigInteger, ForeignKey(f"{SCHEMA}.drift_events.id")),
        words("sensor", required=False),
        whole("first", required=False),
        whole("stop", required=False),
        whole("until", required=False),
        words("ending", required=False),
        words("closed_by", required=False),
        instant("closed_at", required=False),
        words("cause", required=False),
        words("subject", required=False),
        words("severity", required=False),
        real("confidence", required=False),
        Column("record", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
        UniqueConstraint("event", name="incidents_event"),
    )
