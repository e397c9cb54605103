"""`dq migrate` on a database of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from typer.testing import CliRunner

from dq_pipeline.cli.main import app

pytestmark = pytest.mark.integration


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> Any:
    """Runs the command and returns what it says, as JSON."""
    for name, value in {
        "DQ_DATABASE_URL": database_url,
        "DQ_VAR": str(tmp_path),
        "DQ_PROCESS_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    def run() -> dict[str, Any]:
        result = CliRunner().invoke(app, ["migrate", "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)  # type: ignore[no-any-return]

    return run


def test_tables_are_made_and_the_second_time_nothing_is_done(told: Any, database_url: str) -> None:
    first = told()
    assert first["before"] is None
    assert first["after"] >= "0006"
    assert told() == {"before": first["after"], "after": first["after"]}
    connection = psycopg2.connect(database_url.replace("+psycopg2", ""))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT version_num FROM dq.alembic_version")
            assert cursor.fetchone() == (first["after"],)
    finally:
        connection.close()
