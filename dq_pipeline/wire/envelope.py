"""What both wire forms say around their values: ids, start, names, units. Hostile until validated here."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dq_pipeline.errors import SampleError
from dq_pipeline.samples import Scope

VERSION: Literal[1] = 1
MAX_ID, MAX_NAME, MAX_TEXT = 200, 200, 2000
MAX_COLUMNS, MAX_METADATA, MAX_CHANNELS = 5000, 64, 100


@lru_cache(maxsize=4096)  # the same names come with every message of a source
def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("printable text without spaces around it expected")
    return text


def _storable(value: str | float | bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("text without NUL and lone surrogates expected")
    return text


Ident = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_printable)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_printable)]
Text = Annotated[
    Annotated[str, Field(max_length=MAX_TEXT)] | bool | int | float,
    AfterValidator(_storable),
]


class Strict(BaseModel):
    """No coercion and no unknown key."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class TargetColumn(Strict):
    """The raw column the target is derived from; in the Arrow form its values are the last column."""

    column: Name
    values: Any = None


class ChannelForm(Strict):
    """What has a clock of its own: items, and seconds since the start for each."""

    times_s: Any
    items: Any


class Envelope(Strict):
    """One message of a sample. `values`, `times_s`, `target.values` and channels are checked by the form."""

    version: int
    process: Ident
    sample_id: Ident
    source: Ident
    kind: Scope
    start: str = Field(min_length=1, max_length=64)
    period_s: float | None = Field(None, gt=0, le=1e9, allow_inf_nan=False)
    sensors: list[Name] | None = Field(None, min_length=1, max_length=MAX_COLUMNS)
    units: dict[Name, Name] = Field(default_factory=dict, max_length=MAX_COLUMNS)
    target: TargetColumn | None = None
    metadata: dict[Name, Text] = Field(default_factory=dict, max_length=MAX_METADATA)
    channels: dict[Name, ChannelForm] = Field(default_factory=dict, max_length=MAX_CHANNELS)
    times_s: Any = None
    values: Any = None

    @property
    def texts(self) -> Mapping[str, str]:
        """The metadata, all of it text."""
        return {name: str(value) for name, value in self.metadata.items()}


def read_object(text: bytes | str, what: str) -> dict[str, Any]:
    """One JSON object.

    Raises
    ------
    SampleError
        Reason "unreadable".
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        data = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SampleError("unreadable", f"expected {what} as UTF-8 JSON; found {_one_line(error)}") from None
    if not isinstance(data, dict):
        raise SampleError("unreadable", f"expected {what} as a JSON object; found {short(data)}")
    return data


def validate(data: Mapping[str, Any], process: str) -> Envelope:
    """Check everything around the values.

    Raises
    ------
    SampleError
        Reason "unreadable" (another version), "unknown_process", "time" or "schema".
    """
    ident = readable_id(data)
    version = data.get("version")
    if type(version) is not int or version != VERSION:
        raise SampleError("unreadable", f"expected version {VERSION}; found {short(version)}", ident)
    try:
        envelope = Envelope.model_validate(data)
    except ValidationError as error:
        raise schema_error(error, ident) from None
    if envelope.process != process:
        raise SampleError("unknown_process", f"expected {process}; found {envelope.process!r}", ident)
    return envelope


def schema_error(error: ValidationError, ident: str | None) -> SampleError:
    """The first of pydantic's complaints as a reason to quarantine."""
    first = error.errors(include_url=False)[0]
    place = ".".join(reprlib.repr(part).strip("'") for part in first["loc"])
    if first["type"] == "missing":
        return SampleError("schema", f"expected {place}; found nothing", ident)
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return SampleError("schema", f"{place}: expected {message}; found {short(first['input'])}", ident)


def readable_id(data: Mapping[str, Any]) -> str | None:
    """The sample id of a message that may be wrong in everything else."""
    ident = data.get("sample_id")
    usable = isinstance(ident, str) and 0 < len(ident) <= MAX_ID and ident.isprintable() and ident == ident.strip()
    return ident if usable else None


def utc(text: str, zone: str, ident: str | None = None) -> np.datetime64:
    """An ISO 8601 time as datetime64[us] in UTC; a naive one is in `zone`.

    Raises
    ------
    SampleError
        Reason "time".

    Examples
    --------
    >>> utc("2026-07-01T12:00:00", "Europe/Vienna")
    np.datetime64('2026-07-01T10:00:00.000000')
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
    except (ValueError, OverflowError):
        raise SampleError("time", f"expected an ISO 8601 time; found {short(text)}", ident) from None


def short(value: Any) -> str:
    """A value as it can be shown and stored, however long or deep it is."""
    try:
        return reprlib.repr(value)
    except (ValueError, RecursionError):
        return type(value).__name__


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200].encode("ascii", "backslashreplace").decode()
