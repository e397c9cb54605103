"""Real servers for the tests that need them: started once per session, only when a test asks."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dq_pipeline.local import Endpoints  # imported only by the tests that start servers: it takes a second

# How long an example takes says how busy the machine is, and a first one compiles.
settings.register_profile("dq", deadline=None)
settings.load_profile("dq")


@pytest.fixture(scope="session")
def servers_var() -> Iterator[Path]:
    """The folder of the session's servers; whatever runs in it is stopped at the end."""
    from dq_pipeline import local

    var = Path(tempfile.mkdtemp(prefix="dq-servers-"))  # not pytest's own: PostgreSQL, which refuses root, must enter
    var.chmod(0o755)
    yield var
    local.down(var)
    shutil.rmtree(var)


@pytest.fixture(scope="session")
def servers(servers_var: Path) -> Endpoints:
    """Apache Kafka and PostgreSQL."""
    from dq_pipeline import local

    return local.up(["kafka", "postgres"], servers_var)


@pytest.fixture(scope="session")
def mlflow_server(servers: Endpoints) -> Endpoints:
    """An MLflow server beside the session's Kafka and PostgreSQL."""
    from dq_pipeline import local

    return local.up(["kafka", "postgres", "mlflow"], servers.var)


@pytest.fixture(scope="session")
def golden() -> Mapping[str, NDArray[Any]]:
    """The project's own cut of the golden numbers."""
    with np.load(Path(__file__).parent / "golden" / "golden_sequential.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="session")
def full_golden() -> Mapping[str, NDArray[Any]]:
    """All golden numbers."""
    folder = os.environ.get("DQ_DATA_DIR")
    if not folder:
        pytest.skip("DQ_DATA_DIR is not set: the full golden numbers are not at hand")
    with np.load(Path(folder) / "golden" / "drift_sr.npz") as archive:
        return dict(archive)


@pytest.fixture
def database_url(servers: Endpoints) -> Iterator[str]:
    """SQLAlchemy URL of an empty database of the test's own."""
    name = f"dq_{secrets.token_hex(6)}"
    _administer(servers, f'CREATE DATABASE "{name}"')
    yield servers.database_url.rpartition("/")[0] + f"/{name}"
    _administer(servers, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def topic_prefix() -> str:
    """Begins the names of a test's topics and groups, so that tests share a broker and nothing else."""
    return f"t{secrets.token_hex(5)}."


def _administer(servers: Endpoints, statement: str) -> None:
    import psycopg2

    connection = psycopg2.connect(servers.database_url.replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
