"""Where the platform's servers and folders are: flag > environment > Airflow Connection > local default.

Light to import: Airflow's parser does. Nothing here connects to anything.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from dq_pipeline.errors import ConfigurationError

# Names without the prefix that other tools read too.
_SHARED_NAMES = {"KAFKA_BOOTSTRAP_SERVERS": "kafka_bootstrap_servers", "MLFLOW_TRACKING_URI": "mlflow_tracking_uri"}
_BROKER = re.compile(r"^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$")
_DATABASE = re.compile(r"^postgres(?:ql)?(?:\+psycopg2)?://")


def _brokers(text: str) -> str:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found or not all(_BROKER.match(part) for part in found):
        raise ValueError("host:port, several parted by commas")
    return ",".join(found)


def _database(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if not _DATABASE.match(url):
        raise ValueError("postgresql+psycopg2://user:password@host:port/database")
    return SecretStr(_DATABASE.sub("postgresql+psycopg2://", url))


def _address(text: str) -> str:
    if not re.match(r"^[a-z][a-z0-9+.-]*:", text):
        raise ValueError("an address such as http://host:5000")
    return text.rstrip("/")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _lake(text: str) -> str:
    if not text.strip():
        raise ValueError("a folder or an fsspec URI such as s3://bucket/prefix")
    return text.rstrip("/") if "://" in text else str(_absolute(Path(text)))


Folder = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseModel):
    """Typed, validated settings; read them with :meth:`resolve`.

    Passwords are held as `SecretStr`: printed, they are stars.

    Attributes
    ----------
    var
        The folder of the local servers' data, logs and addresses.
    lake_uri
        Any fsspec URI; a folder is kept as an absolute path.
    process_dir
        The folder of process files.
    data_dir
        What `${DQ_DATA_DIR}` in a process file's history stands for, if anything.
    cache_dir
        Releases fetched from the registry, and other downloads.
    airflow_url
        Airflow's API, where it is known.
    page_url
        Where people reach the pages, for links in what they are sent; `/dq` of `airflow_url` without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kafka_bootstrap_servers: Annotated[str, AfterValidator(_brokers)]
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Folder | None = None
    kafka_ssl_certfile: Folder | None = None
    kafka_ssl_keyfile: Folder | None = None
    database_url: Annotated[SecretStr, AfterValidator(_database)]
    mlflow_tracking_uri: Annotated[str, AfterValidator(_address)]
    lake_uri: Annotated[str, AfterValidator(_lake)]
    process_dir: Folder
    data_dir: Folder | None = None
    var: Folder
    cache_dir: Folder
    airflow_url: Annotated[str, AfterValidator(_address)] | None = None
    airflow_user: str | None = None
    airflow_password: SecretStr | None = None
    page_url: Annotated[str, AfterValidator(_address)] | None = None
    kafka_timeout_s: float = Field(15.0, gt=0, le=600)

    _sources: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def resolve(
        cls,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        connections: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Settings of this process.

        Parameters
        ----------
        flags
            By setting name, from the command line; an entry that is None was not given.
        environ
            Variables to read, `os.environ` if not given: `DQ_<SETTING>`, `KAFKA_BOOTSTRAP_SERVERS` and
            `MLFLOW_TRACKING_URI`. An empty one counts as not set.
        connections
            By setting name, what Airflow's Connections say.

        Raises
        ------
        ConfigurationError
            With every setting that is wrong, where it came from and what was expected.

        Examples
        --------
        >>> settings = Settings.resolve({"var": "/nowhere"}, environ={"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"})
        >>> settings.kafka_bootstrap_servers, settings.source("kafka_bootstrap_servers")
        ('broker:9092', 'environment KAFKA_BOOTSTRAP_SERVERS')
        >>> settings.database_url
        SecretStr('**********')
        """
        environ = os.environ if environ is None else environ
        layers = [
            {name: (value, f"flag {name}") for name, value in (flags or {}).items() if value is not None},
            _from_environment(environ),
            {n: (value, f"Airflow Connection, {n}") for n, value in (connections or {}).items() if value is not None},
        ]
        unknown = sorted({name for layer in layers for name in layer} - set(cls.model_fields))
        if unknown:
            raise ConfigurationError(f"Unknown setting {', '.join(unknown)}. Known: {', '.join(cls.model_fields)}.")
        var = next((layer["var"][0] for layer in layers if "var" in layer), "var")
        layers += _from_local_stack(_absolute(Path(var))), _defaults(_absolute(Path(var)), environ)
        found = {name: given for layer in reversed(layers) for name, given in layer.items()}
        sources = {name: source for name, (_, source) in found.items()}
        try:
            settings = cls(**{name: value for name, (value, _) in found.items()})
        except ValidationError as error:
            raise ConfigurationError(_explain(error, sources)) from None
        settings._sources = sources
        settings._check_sasl()
        return settings

    def source(self, name: str) -> str:
        """Where a setting came from, in words."""
        return self._sources.get(name, "default")

    @property
    def variables(self) -> dict[str, str]:
        """What `${...}` in a process file's history may name, and what it stands for."""
        known = {"DQ_DATA_DIR": self.data_dir, "DQ_LAKE_URI": self.lake_uri, "DQ_VAR": self.var}
        return {name: str(value) for name, value in known.items() if value is not None}

    @property
    def kafka_security(self) -> dict[str, str]:
        """Client options for reaching the brokers; holds a password, so never print it."""
        password = self.kafka_sasl_password
        options = {
            "security_protocol": self.kafka_security_protocol,
            "sasl_mechanism": self.kafka_sasl_mechanism,
            "sasl_plain_username": self.kafka_sasl_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
            "ssl_cafile": self.kafka_ssl_cafile,
            "ssl_certfile": self.kafka_ssl_certfile,
            "ssl_keyfile": self.kafka_ssl_keyfile,
        }
        return {name: str(value) for name, value in options.items() if value is not None}

    def _check_sasl(self) -> None:
        if not self.kafka_security_protocol.startswith("SASL"):
            return
        names = ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise ConfigurationError(
                f"kafka_security_protocol (from {self.source('kafka_security_protocol')}) is "
                f"{self.kafka_security_protocol}: expected {', '.join(names)}; found no {', no '.join(missing)}. "
                f"Set {', '.join(f'DQ_{name.upper()}' for name in missing)}."
            )


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    names = _SHARED_NAMES | {f"DQ_{name.upper()}": name for name in Settings.model_fields}
    return {names[key]: (environ[key], f"environment {key}") for key in names if environ.get(key, "").strip()}


def _from_local_stack(var: Path) -> dict[str, tuple[Any, str]]:
    """The addresses that `dq up` leaves while its servers are up."""
    file = var / "endpoints.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{file}: expected the local servers' addresses; found {error}. Run `dq down` and `dq up` again."
        ) from None
    names = {
        "kafka": "kafka_bootstrap_servers",
        "database_url": "database_url",
        "mlflow_uri": "mlflow_tracking_uri",
        "airflow_url": "airflow_url",
        "airflow_user": "airflow_user",
        "airflow_password": "airflow_password",
        "process_dir": "process_dir",
        "lake_uri": "lake_uri",
    }
    found = {setting: values[key] for key, setting in names.items() if values.get(key)}
    return {setting: (value, f"local servers, {file}") for setting, value in found.items()}


def _defaults(var: Path, environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    home = environ.get("HOME")
    caches = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    values = {
        "kafka_bootstrap_servers": "localhost:9092",
        "database_url": "postgresql+psycopg2://dq:dq@localhost:5432/dq",
        "mlflow_tracking_uri": "http://localhost:5000",
        "lake_uri": str(var / "lake"),
        "process_dir": "dags/processes",
        "var": var,
        "cache_dir": Path(caches) / "dq-pipeline" if caches else var / "cache",
    }
    return {name: (value, "default") for name, value in values.items()}


def _explain(error: ValidationError, sources: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=True):
        name = str(problem["loc"][0])
        secret = "password" in name or name == "database_url"
        found = "a value that is not shown" if secret else repr(problem["input"])
        expected = re.sub(r"^(?:Value error, |Input should be )", "", problem["msg"])
        variable = next((key for key, setting in _SHARED_NAMES.items() if setting == name), f"DQ_{name.upper()}")
        source = sources.get(name, "default")
        lines.append(f"{name} (from {source}): expected {expected}; found {found}. Correct it there or set {variable}.")
    return "\n".join(lines)
