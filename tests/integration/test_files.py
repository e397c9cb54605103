"""A file scored by the release in Production, through the command a person types."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dq_pipeline.cli.main import app

from .conftest import Plant  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_a_file_is_scored_by_the_release_in_production(running: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = running.world.settings
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DQ_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "DQ_LAKE_URI": settings.lake_uri,
        "DQ_PROCESS_DIR": settings.process_dir,
        "DQ_DATA_DIR": settings.data_dir,
        "DQ_CACHE_DIR": settings.cache_dir,
        "DQ_VAR": settings.var,
    }.items():
        monkeypatch.setenv(name, str(value))
    file = f"{settings.data_dir}/history.parquet"
    result = CliRunner().invoke(app, ["score", file, "--process", running.process, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["against"] == f"release {running.world.ledger.production(running.process).version}"
    assert told["recordings"] == 220
    assert told["accepted"] > 200
