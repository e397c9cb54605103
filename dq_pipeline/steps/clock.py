"""The steps' clock; the rooms below get the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np


def utc_now() -> datetime:
    """Now, aware and in UTC."""
    return datetime.now(UTC)


def as_moment(time: datetime) -> np.datetime64:
    """A UTC time as NumPy has it."""
    return np.datetime64(time.replace(tzinfo=None), "us")


def as_datetime(moment: np.datetime64) -> datetime:
    """An aware UTC datetime of a NumPy one."""
    value: datetime = moment.astype("datetime64[us]").item()
    return value.replace(tzinfo=UTC)


def moment_of(timestamp_ms: int) -> datetime | None:
    """A broker's timestamp; None where the sender gave none, or one that no calendar holds.

    >>> moment_of(0), moment_of(-1), moment_of(10**18)
    (datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), None, None)
    """
    if timestamp_ms < 0:
        return None
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000.0, UTC)
    except (OverflowError, OSError, ValueError):
        return None
