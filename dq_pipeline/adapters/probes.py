"""One look at each thing the settings name: is it there, and if not, what to do."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

from dq_pipeline import process_file
from dq_pipeline.adapters.kafka import KafkaStream
from dq_pipeline.adapters.lake import FsspecLake
from dq_pipeline.errors import DQError
from dq_pipeline.settings import Settings

_ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one thing found.

    Attributes
    ----------
    status
        `warning` works but wants attention; `skipped` was not looked at.
    advice
        What to do; empty if all is well.
    """

    status: Literal["ok", "warning", "failed", "skipped"]
    found: str
    advice: str = ""


def kafka(settings: Settings) -> Finding:
    """Does a broker answer."""
    source = settings.source("kafka_bootstrap_servers")
    advice = f"Start it (`dq up kafka`) or set KAFKA_BOOTSTRAP_SERVERS, now from {source}."
    try:
        with _stream(settings) as stream:
            brokers = stream.brokers()
    except DQError as error:
        return Finding("failed", str(error), advice)
    return Finding("ok", f"{settings.kafka_bootstrap_servers}, {brokers} broker{'s' if brokers != 1 else ''}")


def topics(settings: Settings) -> Finding:
    """Do the topics of every valid process exist, as the process needs them."""
    processes, _ = process_file.load_all(settings.process_dir)
    try:
        with _stream(settings) as stream:
            reports = {name: stream.ensure_topics(process, create=False) for name, process in processes.items()}
    except DQError as error:
        return Finding("failed", str(error), "See Kafka.")
    missing = {name: len(report.missing) for name, report in reports.items() if report.missing}
    differs = [str(difference) for report in reports.values() for difference in report.differs]
    if missing:
        found = ", ".join(f"{name} lacks {count}" for name, count in missing.items())
        return Finding("warning", found, f"Create them: {'; '.join(f'`dq topics {name}`' for name in missing)}.")
    if differs:
        return Finding("warning", f"{len(differs)} not as the process files say", " ".join(differs))
    return Finding("ok", f"those of {len(reports)} processes exist")


def postgres(settings: Settings) -> Finding:
    """Does the database answer, and is the ledger's schema the one this code needs."""
    import psycopg2
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "dq_pipeline.adapters.ledger:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()
    url = settings.database_url.get_secret_value().replace("+psycopg2", "", 1)
    try:
        connection = psycopg2.connect(url, connect_timeout=int(_ANSWER_S))
    except psycopg2.OperationalError as error:
        return Finding(
            "failed",
            " ".join(str(error).split()),
            f"Start it (`dq up postgres`) or set DQ_DATABASE_URL, now from {settings.source('database_url')}.",
        )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            server = f"PostgreSQL {_first(cursor)}"
            cursor.execute("SELECT to_regclass('dq.alembic_version') IS NOT NULL")
            if not _first(cursor):
                return Finding("warning", f"{server}, no ledger in it yet", "`dq migrate` creates it.")
            cursor.execute("SELECT version_num FROM dq.alembic_version")
            version = _first(cursor)
    finally:
        connection.close()
    if version != newest:
        return Finding(
            "failed",
            f"{server}, ledger schema {version}; this code needs {newest}",
            "Stop what writes to it, back it up and run `dq migrate`; or install the version of dq-pipeline that made "
            "it.",
        )
    return Finding("ok", f"{server}, ledger schema {version}")


def mlflow(settings: Settings) -> Finding:
    """Does the MLflow server answer."""
    uri = settings.mlflow_tracking_uri
    if not uri.startswith(("http://", "https://")):
        return Finding("warning", f"{uri} is no server", "Only a server can be shared: set MLFLOW_TRACKING_URI to one.")
    status, text = _get(f"{uri}/version")
    if status == 200:
        return Finding("ok", f"{uri}, MLflow {text.strip()}")
    if status == 403:
        return Finding(
            "failed",
            f"{uri} answers 403: {text[:200]}",
            "It refuses this host name: start the MLflow server with --allowed-hosts naming it.",
        )
    return Finding(
        "failed",
        f"{uri}: {status or ''} {text[:200]}",
        f"Start it (`dq up mlflow`) or set MLFLOW_TRACKING_URI, now from {settings.source('mlflow_tracking_uri')}.",
    )


def lake(settings: Settings) -> Finding:
    """Can a file be written, read and removed."""
    store, path = FsspecLake(settings.lake_uri), f"doctor/{secrets.token_hex(6)}"
    try:
        store.put(path, b"dq doctor")
        data = store.get(path)
        store.remove(path)
    except (DQError, OSError) as error:
        advice = f"Make it writable or set DQ_LAKE_URI, now from {settings.source('lake_uri')}."
        return Finding("failed", f"{settings.lake_uri}: {error}", advice)
    if data != b"dq doctor":
        return Finding("failed", f"{settings.lake_uri} gave back other bytes than were written", "Check the store.")
    return Finding("ok", f"{settings.lake_uri}, writable")


def process_files(settings: Settings) -> Finding:
    """Is every process file valid."""
    good, bad = process_file.load_all(settings.process_dir)
    if bad:
        return Finding("failed", "\n".join(str(error) for error in bad.values()), "Correct these files.")
    if not good:
        advice = f"Add one, or set DQ_PROCESS_DIR, now from {settings.source('process_dir')}."
        return Finding("failed", f"none in {settings.process_dir}", advice)
    return Finding("ok", f"{', '.join(good)} in {settings.process_dir}")


def airflow(settings: Settings) -> Finding:
    """Are Airflow's parts healthy, by its own account."""
    url = settings.airflow_url
    if url is None:
        return Finding("skipped", "no address known", "Set DQ_AIRFLOW_URL to have it looked at.")
    status, text = _get(f"{url}/api/v2/monitor/health")
    try:
        parts: dict[str, Any] = json.loads(text) if status == 200 else {}
    except ValueError:
        parts = {}
    if not parts:
        advice = f"Start it (`dq up airflow`) or set DQ_AIRFLOW_URL, now from {settings.source('airflow_url')}."
        return Finding("failed", f"{url}: {status or ''} {text[:200]}", advice)
    ill = [
        name for name, part in parts.items() if isinstance(part, dict) and part.get("status") not in ("healthy", None)
    ]
    if ill:
        return Finding(
            "failed", f"{url}: {', '.join(ill)} not healthy", "Look into the log of that part and restart it."
        )
    return Finding("ok", f"{url}, {', '.join(parts)} healthy")


def _stream(settings: Settings) -> KafkaStream:
    return KafkaStream(
        settings.kafka_bootstrap_servers,
        security=settings.kafka_security,
        connect_timeout_s=_ANSWER_S,
        timeout_s=_ANSWER_S,
    )


def _first(cursor: Any) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None


def _get(url: str) -> tuple[int | None, str]:
    """Status and text of the answer; None and the reason if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            return answer.status, answer.read(100_000).decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(1000).decode(errors="replace")
    except (OSError, ValueError) as error:
        return None, str(error)
