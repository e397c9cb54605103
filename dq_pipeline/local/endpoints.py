"""Where the servers of one `var` folder answer, for this process and for others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dq_pipeline.errors import ServerError
from dq_pipeline.local.record import write_private


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses and log-in of the servers that are up; empty text for one that is not.

    Attributes
    ----------
    kafka
        Bootstrap servers, ``127.0.0.1:9092``.
    database_url
        SQLAlchemy URL of the platform's database ``dq``.
    mlflow_uri, airflow_url
        ``http://127.0.0.1:...``
    airflow_user, airflow_password
        The administrator of the local Airflow.
    var
        The folder that holds the servers' data and logs.
    dags, process_dir
        The folders of DAG files and of process files.
    lake_uri
        The lake: a folder in `var`, unless the caller named another.
    """

    kafka: str
    database_url: str
    mlflow_uri: str
    airflow_url: str
    airflow_user: str
    airflow_password: str
    var: Path
    dags: Path
    process_dir: Path
    lake_uri: str

    def environment(self) -> dict[str, str]:
        """Environment variables by which commands and tasks find these servers."""
        found = {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "DQ_DATABASE_URL": self.database_url,
            "MLFLOW_TRACKING_URI": self.mlflow_uri,
            "DQ_AIRFLOW_URL": self.airflow_url,
            "DQ_AIRFLOW_USER": self.airflow_user,
            "DQ_AIRFLOW_PASSWORD": self.airflow_password,
            "DQ_LAKE_URI": self.lake_uri,
            "DQ_PROCESS_DIR": str(self.process_dir),
            "DQ_VAR": str(self.var),
        }
        return {name: value for name, value in found.items() if value}

    def save(self) -> None:
        """Write ``endpoints.json``, readable by its owner alone: it holds passwords."""
        values = {name: str(value) for name, value in asdict(self).items()}
        write_private(self.var / "endpoints.json", json.dumps(values, indent=2) + "\n")

    @classmethod
    def load(cls, var: Path) -> Endpoints:
        """Read what the last `up` of this folder wrote.

        Raises
        ------
        ServerError
            Nothing was started in this folder, or it was stopped.
        """
        file = var.resolve() / "endpoints.json"
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ServerError(f"Expected running servers in {var}; found no {file}. Run `dq up` first.") from None
        return cls(**{**values, **{name: Path(values[name]) for name in ("var", "dags", "process_dir")}})
