"""`encoded` of a process file: which encoder reads a channel, and the sensors that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from dq_pipeline.encode.categories import OTHER, Categories
from dq_pipeline.encode.encoder import Column, Encoder
from dq_pipeline.encode.registry import build


@dataclass(frozen=True, slots=True)
class Categorical:
    """One categorical sensor: the column of each category, and that of values which are not listed."""

    columns: Mapping[str, str]
    other: str

    @property
    def sensors(self) -> tuple[str, ...]:
        """All its columns, that of values which are not listed last."""
        return (*self.columns.values(), self.other)


class Encoded(BaseModel):
    """One channel that is no number: its encoder, names it had, and the encoder's own options beside them."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    encoder: str = Field(min_length=1, max_length=100)
    aliases: tuple[str, ...] = ()
    _built: Encoder = PrivateAttr()

    @model_validator(mode="after")
    def _build(self) -> Encoded:
        self._built = build(self.encoder, self.model_extra or {})
        options = self._built.model_dump(mode="json", by_alias=True)
        object.__setattr__(self, "__pydantic_extra__", options)  # a default is kept as it was
        return self

    @property
    def built(self) -> Encoder:
        """The encoder, with its options."""
        return self._built

    def sensors(self, channel: str) -> tuple[str, ...]:
        """Names of the sensors that come of it, in the order of the encoder's columns."""
        return tuple(f"{channel}_{column.name}" for column in self._built.columns)

    def categorical(self, channel: str) -> Categorical | None:
        """Which of them is which category; None if it is no categorical sensor."""
        if not isinstance(self._built, Categories):
            return None
        columns = {category: f"{channel}_{name}" for category, name in self._built.names.items()}
        return Categorical(columns, f"{channel}_{OTHER}")


def with_columns(data: Any) -> Any:
    """What a process file holds, with the encoders' columns as sensors behind its own.

    A sensor that is there already stays as it is: a release's settings hold all of them. An entry that is wrong adds
    nothing; it is refused where it is validated.
    """
    encoded = data.get("encoded") if isinstance(data, dict) else None
    sensors = data.get("sensors", {}) if isinstance(data, dict) else None
    if not isinstance(encoded, Mapping) or not encoded or not isinstance(sensors, Mapping):
        return data
    sensors = dict(sensors)
    for channel, entry in encoded.items():
        for column in _columns(entry):
            sensors.setdefault(f"{channel}_{column.name}", {"unit": column.unit, "range": list(column.range)})
    return {**data, "sensors": sensors}


def _columns(entry: Any) -> tuple[Column, ...]:
    try:
        return Encoded.model_validate(entry).built.columns
    except ValueError:
        return ()
