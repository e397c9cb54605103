"""A process: everything the platform needs to know about one monitored process.

One YAML file under `dags/processes/` adds a process; :mod:`dq_pipeline.process_file` reads it.
Light to import: Airflow's parser does.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dq_pipeline import rules as consistency
from dq_pipeline import units
from dq_pipeline.encode.section import Categorical, Encoded, with_columns
from dq_pipeline.feedback_section import Feedback

NAME = r"^[a-z][a-z0-9_]{0,62}$"
TOPIC = r"^[A-Za-z0-9._-]{1,200}$"
PUBLISHED_THRESHOLD = 0.25
"""Score below which a recording is not believed, in arXiv 2512.19723."""


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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Stream(_Section):
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


class Sample(_Section):
    """The shape of one recording: rows in time by sensors."""

    rows: int = Field(ge=2, le=1_000_000)
    period_s: float = Field(gt=0)
    horizon_rows: int = Field(ge=2)
    profile_rows: int = Field(ge=2)
    timezone: Zone = "UTC"


class Sensor(_Section):
    """One sensor: its unit, the range it can physically show, and the names it has had."""

    unit: UnitName
    range: Interval
    trusted: str | None = None
    aliases: tuple[str, ...] = ()


class Target(_Section):
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


class Alarm(_Section):
    """Act before the recording ends: when the prediction, or the bound of its interval, passes the limit."""

    when: Literal["below", "above"]
    limit: float
    on: Literal["prediction", "interval"] = "interval"


class Quality(_Section):
    """How a recording's quality is scored and what a score below the threshold means."""

    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["sweep"] = PUBLISHED_THRESHOLD
    min_retained: float = Field(0.5, ge=0, le=1)
    fallback: Literal["previous_release", "last_good", "none"] = "last_good"
    scorer: Literal["direct", "learned"] = "direct"
    oracle_share: float = Field(0.1, gt=0, le=1)
    oracle_tolerance: float = Field(0.1, gt=0, le=1)
    unifier: Literal["pca", "mean", "min", "pc1"] = "pca"
    curate: bool = True
    window: int = Field(25, ge=5, le=1000)

    @property
    def stated_threshold(self) -> float:
        """The threshold that the file states, or the published one where a sweep is to find it."""
        return PUBLISHED_THRESHOLD if self.threshold == "sweep" else self.threshold


class Drift(_Section):
    """How drift is watched for: the detector, its false-alarm budget and the policy that acts on it."""

    policy: Literal["active", "passive", "static"] = "active"
    passive_every: int = Field(50, ge=5, le=10_000)
    detector: Literal["sequential", "window"] = "sequential"
    false_alarms_per_1000: float = Field(1.0, gt=0, le=100)
    worlds: int = Field(40, ge=10, le=1000)
    world_length: int = Field(600, ge=100, le=10_000)
    statistic: Literal["combined", "jsd", "kl", "psi", "ks", "wasserstein"] = "combined"
    tau: float = Field(0.06, gt=0, lt=0.5)
    window: int = Field(25, ge=5, le=1000)
    stride: int = Field(5, ge=1, le=1000)
    draws: int = Field(500, ge=100, le=100_000)
    refit_after: int = Field(100, ge=20, le=10_000)
    lead_in: int = Field(10, ge=0, le=1000)
    regimes: int = Field(0, ge=0, le=20)


class Model(_Section):
    """How the model is trained: a time-ordered search within a budget, and the age at which history fades."""

    trees: int = Field(100, ge=5, le=5000)
    search: int = Field(6, ge=1, le=200)
    search_seconds: float | None = Field(None, gt=0)
    early_stopping: int | None = Field(None, ge=1, le=500)
    label_guard: bool = True
    weights: Literal["fading", "newest", "expanding"] = "fading"
    age_scale: float = Field(300.0, gt=0)
    age_floor: float = Field(0.05, ge=0, le=1)
    coverage: float = Field(0.9, gt=0.5, lt=1)
    recalibrate: bool = True
    device: Literal["cpu", "cuda"] = "cpu"
    min_samples: int = Field(40, ge=20)


class Promotion(_Section):
    """Gates a challenger must pass, and how long a new release is on probation."""

    metric: Literal["mae", "rmse", "r2", "accuracy", "f1"] = "mae"
    tolerance: float = Field(0.02, ge=0, le=1)
    approval: Literal["none", "human"] = "none"
    min_retained: float = Field(0.3, ge=0, le=1)
    max_latency_ms: float = Field(1000.0, gt=0)
    probation: int = Field(100, ge=0)


class History(_Section):
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


class Process(_Section):
    """One monitored process, validated."""

    process: str = Field(pattern=NAME)
    title: str = Field(min_length=1, max_length=200)
    description: str = ""
    owner: str = Field("dq", min_length=1, max_length=100)
    tags: tuple[str, ...] = ()
    stream: Stream
    sample: Sample
    sensors: dict[str, Sensor] = Field(min_length=1, max_length=2000)
    encoded: dict[str, Encoded] = Field(default_factory=dict, max_length=100)
    rules: tuple[str, ...] = ()
    target: Target
    alarm: Alarm | None = None
    quality: Quality = Quality()
    drift: Drift = Drift()
    model: Model = Model()
    promotion: Promotion = Promotion()
    feedback: Feedback = Feedback()
    history: History

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("stream"), dict) and isinstance(data.get("process"), str):
            stream = dict(data["stream"])
            for key, topic in (("predictions", "predictions"), ("alarms", "alarms"), ("dead_letter", "dead-letters")):
                if not stream.get(f"{key}_topic"):
                    stream[f"{key}_topic"] = f"{data['process']}.{topic}"
            data = {**data, "stream": stream}
        return with_columns(data)

    @property
    def name(self) -> str:
        """The process' name; DAGs, topics, releases and lake paths are keyed by it."""
        return self.process

    @property
    def sensor_names(self) -> tuple[str, ...]:
        """Sensors in the order of the columns of every sample matrix."""
        return tuple(self.sensors)

    @property
    def measured(self) -> tuple[str, ...]:
        """Those of them that arrive as numbers: the encoders' columns are none."""
        made = {column for name, entry in self.encoded.items() for column in entry.sensors(name)}
        return tuple(name for name in self.sensors if name not in made)

    @property
    def parsed_rules(self) -> tuple[consistency.Rule, ...]:
        """The consistency rules, ready to be evaluated."""
        return tuple(consistency.parse(text) for text in self.rules)

    @property
    def aliases(self) -> dict[str, str]:
        """Former name of a sensor -> its name today."""
        return {alias: name for name, sensor in self.sensors.items() for alias in sensor.aliases}

    @property
    def channels(self) -> dict[str, str]:
        """Name of a channel that is no number, today's or a former one -> its name today."""
        former = {alias: name for name, entry in self.encoded.items() for alias in entry.aliases}
        return {**former, **{name: name for name in self.encoded}}

    @property
    def categories(self) -> dict[str, Categorical]:
        """The categorical sensors: which of `sensors` is which category."""
        found = {name: entry.categorical(name) for name, entry in self.encoded.items()}
        return {name: categorical for name, categorical in found.items() if categorical is not None}

    @property
    def as_recorded(self) -> Process:
        """As its history has it: the target's column is there, even if labels say the target on the stream."""
        if self.target.from_ == "completion" or self.target.column is None:
            return self
        return self.model_copy(update={"target": self.target.model_copy(update={"from_": "completion"})})

    def deciding(self) -> dict[str, Any]:
        """The settings that decide: a release carries them, and an edit waits for the next release."""
        keep = {"process", "sample", "sensors", "rules", "target", "alarm", "quality", "drift", "model", "promotion"}
        # kept only where they say something: the hashes of all other processes stay what they were
        keep |= {"encoded"} if self.encoded else set()
        keep |= {"feedback"} if self.feedback.deciding() else set()
        deciding = self.model_dump(mode="json", include=keep, by_alias=True)
        if "feedback" in deciding:
            deciding["feedback"] = self.feedback.deciding()
        for named in (*deciding["sensors"].values(), *deciding.get("encoded", {}).values()):
            del named["aliases"]  # what a sensor was called only says how messages are read
        return deciding

    def settings_hash(self) -> str:
        """SHA-256 of the settings that decide."""
        return hashlib.sha256(json.dumps(self.deciding(), sort_keys=True).encode()).hexdigest()
