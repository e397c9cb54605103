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
