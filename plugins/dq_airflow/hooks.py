"""Airflow Connections as settings, and the world opened with them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from dq_airflow import processes
from dq_pipeline.settings import Settings

if TYPE_CHECKING:
    from dq_pipeline.ports import Notifier, World
    from dq_pipeline.records import Notice

# The extras of Airflow's own Kafka connections, which are librdkafka's options.
_KAFKA_EXTRAS = {
    "bootstrap.servers": "kafka_bootstrap_servers",
    "security.protocol": "kafka_security_protocol",
    "sasl.mechanism": "kafka_sasl_mechanism",
    "sasl.username": "kafka_sasl_username",
    "sasl.password": "kafka_sasl_password",
    "ssl.ca.location": "kafka_ssl_cafile",
    "ssl.certificate.location": "kafka_ssl_certfile",
    "ssl.key.location": "kafka_ssl_keyfile",
}


def kafka(connection: Connection) -> dict[str, Any]:
    """Brokers from the host (or the extra `bootstrap.servers`), the log-in, and the security extras."""
    host = connection.host
    if host and connection.port and "," not in host:
        host = f"{host}:{connection.port}"
    found = {
        "kafka_bootstrap_servers": host,
        "kafka_sasl_username": connection.login,
        "kafka_sasl_password": connection.password,
    }
    extras = connection.extra_dejson
    return {**found, **{name: extras[key] for key, name in _KAFKA_EXTRAS.items() if extras.get(key)}}


def database(connection: Connection) -> dict[str, Any]:
    """The ledger's database."""
    return {"database_url": connection.get_uri()}


def mlflow(connection: Connection) -> dict[str, Any]:
    """The tracking server: a whole address as the host, or schema, host and port."""
    host = connection.host or ""
    if "://" not in host:
        host = f"{connection.schema or 'http'}://{host}" + (f":{connection.port}" if connection.port else "")
    return {"mlflow_tracking_uri": host}


def lake(connection: Connection) -> dict[str, Any]:
    """The lake: the extra `uri`, else the host."""
    return {"lake_uri": connection.extra_dejson.get("uri") or connection.host}


Translation = Callable[[Connection], dict[str, Any]]
CONNECTIONS: Mapping[str, tuple[Translation, tuple[str, ...]]] = MappingProxyType(
    {
        "dq_kafka": (kafka, ("KAFKA_BOOTSTRAP_SERVERS", "DQ_KAFKA_BOOTSTRAP_SERVERS")),
        "dq_database": (database, ("DQ_DATABASE_URL",)),
        "dq_mlflow": (mlflow, ("MLFLOW_TRACKING_URI", "DQ_MLFLOW_TRACKING_URI")),
        "dq_lake": (lake, ("DQ_LAKE_URI",)),
    }
)
"""Connection -> how it is read, and the variables that name its server in its place."""


def connections(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What Airflow's Connections say, by setting name.

    A Connection describes one server whole: where the environment names the server, the Connection is not asked
    for, so that its password is never sent to another one.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, Any] = {"process_dir": processes.folder()}
    for name, (translate, variables) in CONNECTIONS.items():
        if any(environ.get(variable) for variable in variables):
            continue
        try:
            found |= translate(Connection.get(name))
        except AirflowNotFoundException:
            continue
    return found


def alert_address(name: str) -> str:
    """The address of people that the Connection `dq_alerts_<name>` holds as its password; empty if there is none."""
    try:
        return str(Connection.get(f"dq_alerts_{name}").password or "")
    except AirflowNotFoundException:
        return ""


class _Heard:
    """Passes notices on and remembers them."""

    def __init__(self, notifier: Notifier, told: list[Notice]) -> None:
        self._notifier = notifier
        self._told = told

    def notify(self, notice: Notice) -> None:
        self._told.append(notice)
        self._notifier.notify(notice)


@contextmanager
def open_world(told: list[Notice] | None = None) -> Iterator[World]:
    """The world as Airflow's settings name it, closed at the end; notices to people are added to `told` too."""
    from dq_pipeline import wiring

    logging.getLogger("kafka").setLevel(logging.WARNING)  # else 15 lines a task
    with wiring.open_world(Settings.resolve(connections=connections()), alert_address) as world:
        heard: Any = None if told is None else _Heard(world.notifier, told)
        yield world if heard is None else replace(world, notifier=heard)
