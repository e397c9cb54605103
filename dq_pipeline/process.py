"""A process: everything the platform needs to know about one monitored process.

One YAML file under `dags/processes/` adds a process; :mod:`dq_pipeline.process_file` reads it.
Light to import: Airflow's parser does.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import Field, field_validator, model_validator

from dq_pipeline import rules as consistency
from dq_pipeline.encode.section import Categorical, Encoded, with_columns
from dq_pipeline.sections.alerts import Alerts
from dq_pipeline.sections.arrival import INVENTORY, History, Sample, Sensor, Stream, Target
from dq_pipeline.sections.audit import Audit
from dq_pipeline.sections.contract import Contract
from dq_pipeline.sections.decision import PUBLISHED_THRESHOLD, Alarm, Drift, Model, Promotion, Quality
from dq_pipeline.sections.feedback import Feedback
from dq_pipeline.sections.rollout import Rollout
from dq_pipeline.sections.section import NAME, Interval, RowSpan, Section, UnitName, Zone
from dq_pipeline.sections.watch import Drill, Watch

__all__ = [
    "NAME",
    "PUBLISHED_THRESHOLD",
    "Alarm",
    "Drift",
    "History",
    "Interval",
    "Model",
    "Process",
    "Promotion",
    "Quality",
    "RowSpan",
    "Sample",
    "Sensor",
    "Stream",
    "Target",
    "UnitName",
    "Zone",
]

PAGES = frozenset({"about", "api", "metrics", "static"})
"""Names that the web pages have for themselves, beside one for each process."""


class Process(Section):
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
    rollout: Rollout = Rollout()
    contracts: dict[str, Contract] = Field(default_factory=dict, max_length=200)
    audit: Audit = Audit()
    watch: Watch = Watch()
    alerts: Alerts = Alerts()
    drill: Drill = Drill()
    history: History

    @field_validator("process")
    @classmethod
    def _no_page(cls, name: str) -> str:
        if name in PAGES:
            raise ValueError(f"none of {', '.join(sorted(PAGES))}, which are pages")
        return name

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
            for operates in ("aliases", *INVENTORY):  # what a sensor was called only says how messages are read
                named.pop(operates, None)
        return deciding

    def settings_hash(self) -> str:
        """SHA-256 of the settings that decide."""
        return hashlib.sha256(json.dumps(self.deciding(), sort_keys=True).encode()).hexdigest()
