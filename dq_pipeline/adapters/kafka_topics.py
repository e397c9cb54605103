"""The topics of a process: what they must be, creating those that are missing, saying where the others differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType

from dq_pipeline.adapters.kafka_clients import ENVELOPE_BYTES, LARGEST_MESSAGE_BYTES
from dq_pipeline.errors import StreamError
from dq_pipeline.process import Process

_SMALL_MESSAGE_BYTES = 1_048_588  # Kafka's own default


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as a process needs it.

    Attributes
    ----------
    role
        `samples`, `labels`, `predictions`, `alarms` or `dead letters`.
    retention_ms
        How long messages stay, ms.
    max_message_bytes
        The topic's limit. It is above the process' own, so that a message too large arrives and is quarantined.
    """

    name: str
    role: str
    partitions: int
    retention_ms: int
    max_message_bytes: int

    @property
    def configs(self) -> dict[str, str]:
        """Kafka's settings by name. The broker stamps the time, so that a sender's clock decides nothing."""
        return {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "delete",
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting in which an existing topic is not as its process needs it."""

    topic: str
    setting: str
    expected: str
    found: str

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.setting == "partitions":
            return (
                "Partitions are never changed in silence, because keys would move to others: drain the topic and raise "
                f"them with `kafka-topics --alter`, or set stream.partitions to {self.found} in the process file."
            )
        return f"Set it with `kafka-configs --alter --topic {self.topic} --add-config {self.setting}={self.expected}`."

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting}: expected {self.expected}; found {self.found}. {self.advice}"


@dataclass(frozen=True, slots=True)
class TopicsReport:
    """What :func:`ensure_topics` did and found.

    Attributes
    ----------
    created, missing
        Names; a topic that was created is not missing.
    """

    topics: tuple[Topic, ...]
    created: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    differs: tuple[Difference, ...] = field(default=())


def topics(process: Process) -> tuple[Topic, ...]:
    """The topics that a process reads and writes."""
    stream = process.stream
    retention_ms = round(stream.retention_h * 3_600_000)
    rows = (
        (stream.topic, "samples", LARGEST_MESSAGE_BYTES),
        (stream.labels_topic, "labels", _SMALL_MESSAGE_BYTES),
        (stream.predictions_topic, "predictions", _SMALL_MESSAGE_BYTES),
        (stream.alarms_topic, "alarms", _SMALL_MESSAGE_BYTES),
        (stream.dead_letter_topic, "dead letters", LARGEST_MESSAGE_BYTES + ENVELOPE_BYTES),
    )
    return tuple(Topic(name, role, stream.partitions, retention_ms, size) for name, role, size in rows)


def ensure_topics(admin: Any, process: Process, *, create: bool = True) -> TopicsReport:
    """Create the topics of a process that are missing. An existing topic is never changed, only compared.

    Parameters
    ----------
    admin
        A connected `KafkaAdminClient`; its errors pass through.
    create
        False only looks.

    Raises
    ------
    StreamError
        A topic can be neither seen nor created.
    """
    wanted = {topic.name: topic for topic in topics(process)}
    seen = {entry["name"]: entry for entry in admin.describe_topics(list(wanted))}
    unknown = kafka_errors.UnknownTopicOrPartitionError
    missing = [name for name in wanted if _failure(seen[name]) is unknown]
    existing = {name: entry for name, entry in seen.items() if name not in missing}
    for name, entry in existing.items():
        if _failure(entry) is not kafka_errors.NoError:
            raise _failure(entry)(name)
    created = [name for name in missing if create and _create(admin, wanted[name])]
    if created:
        admin.wait_for_topics(created)
    return TopicsReport(
        topics=tuple(wanted.values()),
        created=tuple(created),
        missing=() if create else tuple(missing),
        differs=tuple(_differences(admin, wanted, existing)),
    )


def _create(admin: Any, topic: Topic) -> bool:
    """Whether this call created it; another may have been quicker."""
    options = {"num_partitions": topic.partitions, "replication_factor": -1, "configs": topic.configs}
    answer = admin.create_topics({topic.name: options}, raise_errors=False)["topics"][0]
    failure = _failure(answer)
    if failure not in (kafka_errors.NoError, kafka_errors.TopicAlreadyExistsError):
        raise StreamError(
            f"Expected to create topic {topic.name!r}; found that Kafka refuses: {failure.__name__}, "
            f"{answer.get('error_message')} Ask for the right to create it, or have it created with {options}."
        )
    return failure is kafka_errors.NoError


def _differences(admin: Any, wanted: dict[str, Topic], existing: dict[str, Any]) -> list[Difference]:
    if not existing:
        return []
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in existing]
    configs = admin.describe_configs(resources, config_filter="all")["topic"]
    found: list[Difference] = []
    for name, entry in existing.items():
        topic, partitions = wanted[name], len(entry["partitions"])
        if partitions != topic.partitions:
            found.append(Difference(name, "partitions", str(topic.partitions), str(partitions)))
        for setting, expected in topic.configs.items():
            value = str(configs[name][setting]["value"])
            if value != expected and not _is_enough(setting, value, expected):
                found.append(Difference(name, setting, expected, value))
    return found


def _is_enough(setting: str, value: str, expected: str) -> bool:
    """A topic that keeps more, or takes larger messages, than needed is no fault."""
    if setting == "retention.ms":
        return int(value) == -1 or int(value) >= int(expected)
    return setting == "max.message.bytes" and int(value) >= int(expected)


def _failure(entry: Any) -> type[Exception]:
    failure: type[Exception] = kafka_errors.for_code(entry["error_code"])
    return failure
