"""What every server's module is given: where to run, on which ports, with which secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dq_pipeline.local.addresses import HOST
from dq_pipeline.local.record import Record

# Inherited by no server: the first slows every heavy import down, the others would point it elsewhere.
UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "PYTHONSAFEPATH")
UNWANTED_PREFIXES = ("AIRFLOW_", "MLFLOW_", "PG", "PYTEST_", "_AIRFLOW_")

PREFERRED_PORTS = {
    "kafka": 9092,
    "kafka-controller": 9193,
    "postgres": 5432,
    "mlflow": 5000,
    "airflow": 8080,
    "supervisor": 9001,
}


@dataclass(frozen=True, slots=True)
class Context:
    """One `up`'s view of its folder.

    Attributes
    ----------
    var
        Absolute; the servers' working directory.
    environment
        The caller's variables.
    dags
        Absolute; the folder of DAG files.
    say
        Reports a step to the person who waits.
    """

    var: Path
    record: Record
    environment: Mapping[str, str]
    dags: Path
    say: Callable[[str], None]

    @property
    def kafka(self) -> str:
        """Bootstrap servers: the caller's own broker, or the local one's address."""
        return external_broker(self.environment, self.record) or f"{HOST}:{self.record.ports['kafka']}"

    @property
    def process_dir(self) -> Path:
        """The folder of process files: the caller's own, or the one in `dags`."""
        return Path(self.environment.get("DQ_PROCESS_DIR") or self.dags / "processes").absolute()

    @property
    def lake_uri(self) -> str:
        """The lake: the caller's own, or a folder in `var`."""
        return self.environment.get("DQ_LAKE_URI") or str(self.var / "lake")

    @property
    def mlflow_uri(self) -> str:
        return f"http://{HOST}:{self.record.ports['mlflow']}"

    @property
    def airflow_url(self) -> str:
        return f"http://{HOST}:{self.record.ports['airflow']}"

    def database_url(self, database: str) -> str:
        """SQLAlchemy URL of one of the databases on the local PostgreSQL."""
        password = quote(self.record.database_password, safe="")
        return f"postgresql+psycopg2://dq:{password}@{HOST}:{self.record.ports['postgres']}/{database}"


def external_broker(environment: Mapping[str, str], record: Record) -> str | None:
    """The broker that the caller names in ``KAFKA_BOOTSTRAP_SERVERS``; the local one, so named, is not external."""
    named = environment.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    own = f"{HOST}:{record.ports['kafka']}" if "kafka" in record.ports else None
    return None if named in ("", own) else named


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what servers must not inherit."""
    return {
        name: value
        for name, value in environment.items()
        if name not in UNWANTED and not name.startswith(UNWANTED_PREFIXES)
    }
