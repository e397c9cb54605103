"""What arrives: the stream, the shape of a sample, its sensors, its target, and where past recordings are."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dq_pipeline.sections.section import TOPIC, Interval, RowSpan, Section, UnitName, Zone

INVENTORY = ("installed", "firmware", "serial", "calibrated", "calibration_due", "calibration_id", "maintenance")
"""What may be said of a sensor beside what decides."""
Said = Annotated[str, BeforeValidator(str), Field(min_length=1, max_length=200)]
"""A text; YAML reads a version such as 2.1 as a number."""


class Stream(Section):
    """Kafka topics and the sizes that make a micro-batch. Operates only: takes effect at the next parse."""

    topic: str = Field(pattern=TOPIC)
    labels_topic: str = Field(pattern=TOPIC)
    predictions_topic: str = Field("", pattern=r"^$|" + TOPIC)
    alarms_topic: str = Field("", pattern=r"^$|" + TOPIC)
    dead_letter_topic: str = Field("", pattern=r"^$|" + TOPIC)
    partitions: int = Field(2, ge=1, le=1000)
    retention_h: float = Field(168.0, gt=0)
    min_samples: int = Field(25, ge=1)
    max_wait_s: float = Field(60.0, gt=0)
    max_samples: int = Field(1000, ge=1, le=100_000)
    horizon_wait_s: float = Field(2.0, ge=0)
    max_message_bytes: int = Field(8_388_608, ge=1024, le=16_000_000)
    max_attempts: int = Field(3, ge=1)
    lease_s: float = Field(300.0, gt=0)
    max_future_s: float = Field(3600.0, ge=0)
    max_age_days: float = Field(3660.0, gt=0)


class Sample(Section):
    """The shape of one recording: rows in time by sensors."""

    rows: int = Field(ge=2, le=1_000_000)
    period_s: float = Field(gt=0)
    horizon_rows: int = Field(ge=2)
    profile_rows: int = Field(ge=2)
    timezone: Zone = "UTC"

    @property
    def length_s(self) -> float:
        """Seconds that a recording covers."""
        return self.rows * self.period_s


class Sensor(Section):
    """One sensor: its unit, the range it can physically show, the names it has had, and what the inventory says of it.

    Firmware, calibration and the rest of the inventory only help to explain what is found: they operate.
    """

    unit: UnitName
    range: Interval
    trusted: str | None = None
    aliases: tuple[str, ...] = ()
    installed: date | None = None
    firmware: Said | None = None
    serial: Said | None = None
    calibrated: date | None = None
    calibration_due: date | None = None
    calibration_id: Said | None = None
    maintenance: Said | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What the inventory says of it, as text."""
        said = {name: getattr(self, name) for name in INVENTORY}
        return {name: str(value) for name, value in said.items() if value is not None}


class Target(Section):
    """What the model predicts: derived from the completed recording, or sent later on the labels topic."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
    unit: UnitName = "1"
    task: Literal["regression", "classification"] = "regression"
    from_: Literal["completion", "labels"] = Field("completion", alias="from")
    column: str | None = None
    rows: RowSpan | None = None
    reduce: Literal["mean", "median", "min", "max", "last"] = "mean"
    transform: Literal["none", "log10"] = "none"
    classes: tuple[str, ...] = ()

    @property
    def class_count(self) -> int:
        """How many classes a model tells apart; 0 where it predicts a number."""
        return len(self.classes) if self.task == "classification" else 0


class History(Section):
    """Where past recordings are: a file (CSV, Parquet, Arrow) or a database table or query.

    One row of the source is one row of one recording. `id` names the column that tells recordings apart; without
    it, recordings are cut from a continuous table: `window_rows` rows on the clock, every `stride_rows`, within each
    `group`.
    """

    uri: str | None = None
    table: str | None = None
    query: str | None = None
    connection: str | None = None
    id: str | None = None
    time: str | None = None
    start: str | None = None
    group: str | None = None
    window_rows: int | None = Field(None, ge=2)
    stride_rows: int | None = Field(None, ge=1)
    samples: int = Field(300, ge=20)
