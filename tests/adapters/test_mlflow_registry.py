"""The registry against a real MLflow server."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dq_pipeline.adapters.mlflow_registry import MlflowRegistry
from dq_pipeline.adapters.release_cache import sound
from dq_pipeline.errors import DataError, RegistryError
from dq_pipeline.model.features import Features
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.release.bundle import Release, digest
from dq_pipeline.samples import SampleBatch

if TYPE_CHECKING:
    from dq_pipeline.local import Endpoints

pytestmark = pytest.mark.integration

ROWS = 8
Releases = Callable[..., Path]


@pytest.fixture
def process() -> str:
    return f"p{secrets.token_hex(5)}"


@pytest.fixture
def registry(mlflow_server: Endpoints, tmp_path: Path) -> MlflowRegistry:
    return MlflowRegistry(mlflow_server.mlflow_uri, tmp_path / "cache of releases")


@pytest.fixture
def release(process: str, tmp_path: Path) -> Releases:
    """Writes a small release into a folder of its own."""

    def make(seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        settings = Process.model_validate(
            {
                "process": process,
                "title": "Small",
                "stream": {"topic": "t", "labels_topic": "l"},
                "sample": {"rows": 12, "period_s": 1, "horizon_rows": ROWS, "profile_rows": 12},
                "sensors": {name: {"unit": "bar", "range": [-9, 9]} for name in ("a", "b")},
                "target": {"name": "y", "column": "y", "rows": [8, 12]},
                "history": {"uri": "history.parquet", "id": "id"},
                "model": {"trees": 5, "search": 1},
            }
        )
        values = rng.normal(size=(60, ROWS, 2))
        batch = SampleBatch(
            sensors=settings.sensor_names,
            ids=tuple(f"s{i}" for i in range(60)),
            sources=("rig",) * 60,
            start=np.datetime64("2026-01-01", "us") + np.arange(60),
            values=values,
            received=np.full(60, ROWS),
            disordered=np.zeros(60, np.int64),
            target=values[:, :, 0].mean(axis=1),
        )
        features = Features.fit(batch, ROWS)
        trained = train(features.transform(batch), batch.target, settings, feature_names=features.names, rng=rng)
        made = Release(
            process=process,
            settings=settings.deciding(),
            features=features,
            model=trained.model,
            horizon_scorer=None,
            completion_scorer=None,
            detector=None,
            manifest=(),
            metrics={},
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            code_version="test",
            lock_hash="test",
        )
        folder = tmp_path / f"release {secrets.token_hex(4)}"
        made.save(folder)
        return folder

    return make


def log(registry: MlflowRegistry, process: str, folder: Path, key: str) -> str:
    return registry.log_release(process, folder, key=key, metrics={"mae": 0.5, "r2": float("nan")}, tags={"why": "t"})[
        0
    ]


def stages(registry: MlflowRegistry, process: str) -> dict[str, str]:
    return {found.version: found.stage for found in registry.versions(process)}


def aliased(registry: MlflowRegistry, process: str) -> tuple[str | None, str | None]:
    production, staging = (registry.get(process, alias) for alias in ("production", "staging"))
    return (production and production.version), (staging and staging.version)


def test_a_release_comes_back_whole(registry: MlflowRegistry, process: str, release: Releases) -> None:
    folder = release()
    version = log(registry, process, folder, "initialization/1")
    fetched = registry.fetch(process, version)
    assert digest(fetched) == digest(folder)
    values = np.random.default_rng(9).normal(size=(4, ROWS, 2))
    one, other = (Release.load(f) for f in (folder, fetched))
    expected = one.model.predict(one.features.matrix(values))
    found = other.model.predict(other.features.matrix(values))
    assert found.value.tobytes() == expected.value.tobytes()
    assert found.upper.tobytes() == expected.upper.tobytes()


def test_mlflow_itself_can_load_it(
    registry: MlflowRegistry, process: str, release: Releases, mlflow_server: Endpoints, tmp_path: Path
) -> None:
    from mlflow import MlflowClient, pyfunc

    folder = release()
    _, run_id = registry.log_release(process, folder, key="k", metrics={}, tags={})
    client = MlflowClient(mlflow_server.mlflow_uri, mlflow_server.mlflow_uri)
    values = np.random.default_rng(9).normal(size=(4, ROWS, 2))
    loaded = pyfunc.load_model(client.download_artifacts(run_id, "model", str(tmp_path)))
    expected = Release.load(folder)
    answer = loaded.predict(values)
    assert answer["value"].tolist() == expected.model.predict(expected.features.matrix(values)).value.tolist()


def test_the_same_key_gives_the_same_version(registry: MlflowRegistry, process: str, release: Releases) -> None:
    first = registry.log_release(process, release(), key="drift/1/1", metrics={"mae": 1.0}, tags={})
    assert registry.log_release(process, release(1), key="drift/1/1", metrics={"mae": 1.0}, tags={}) == first
    assert registry.log_release(process, release(1), key="drift/1/2", metrics={}, tags={}) != first
    assert [found.key for found in registry.versions(process)] == ["drift/1/1", "drift/1/2"]


@pytest.mark.parametrize("dies_in", ["_upload", "_register_model"])
def test_a_death_while_logging_is_mended_by_repeating(
    registry: MlflowRegistry, process: str, release: Releases, dies_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    folder = release()
    with monkeypatch.context() as patched:
        patched.setattr(registry, dies_in, die)
        with pytest.raises(KeyboardInterrupt):
            log(registry, process, folder, "drift/7/1")
    assert log(registry, process, folder, "drift/7/1") == "1"
    assert len(registry.versions(process)) == 1
    assert digest(registry.fetch(process, "1")) == digest(folder)


def test_stages_and_aliases_stay_in_step(registry: MlflowRegistry, process: str, release: Releases) -> None:
    folder = release()
    for number in (1, 2, 3):
        assert log(registry, process, folder, str(number)) == str(number)
    assert aliased(registry, process) == (None, None)
    registry.set_stage(process, "1", "Staging")
    assert aliased(registry, process) == (None, "1")
    registry.set_stage(process, "1", "Production")
    assert aliased(registry, process) == ("1", None)
    registry.set_stage(process, "2", "Staging")
    registry.set_stage(process, "2", "Production")
    registry.set_stage(process, "3", "Production")
    assert stages(registry, process) == {"1": "Archived", "2": "Archived", "3": "Production"}
    registry.set_stage(process, "1", "Production")  # back to any earlier version
    registry.set_stage(process, "1", "Production")
    assert stages(registry, process) == {"1": "Production", "2": "Archived", "3": "Archived"}
    assert aliased(registry, process) == ("1", None)
    registry.set_stage(process, "1", "Archived")
    assert aliased(registry, process) == (None, None)


def test_reconcile_follows_the_ledger(registry: MlflowRegistry, process: str, release: Releases) -> None:
    folder = release()
    for number in (1, 2, 3):
        log(registry, process, folder, str(number))
    registry.set_stage(process, "1", "Production")
    registry.set_stage(process, "3", "Staging")
    differing = registry.reconcile(process, {"1": "Archived", "2": "Production"})
    assert differing == ("1", "2", "3")
    assert stages(registry, process) == {"1": "Archived", "2": "Production", "3": "Archived"}
    assert aliased(registry, process) == ("2", None)
    assert registry.reconcile(process, {"1": "Archived", "2": "Production", "3": "Archived"}) == ()
    with pytest.raises(RegistryError, match="versions 4 of"):
        registry.reconcile(process, {"4": "Production"})


def test_aliases_of_what_is_rolled_out_follow_the_ledger(
    registry: MlflowRegistry, process: str, release: Releases
) -> None:
    for seed in range(3):
        registry.log_release(process, release(seed), key=f"k{seed}", metrics={}, tags={})
    stages = {"1": "Production", "2": "Staging", "3": "Archived"}
    registry.reconcile(process, stages, {"canary": "2", "shadow": "3"})
    assert {name: registry.get(process, name).version for name in ("canary", "shadow", "production")} == {
        "canary": "2",
        "shadow": "3",
        "production": "1",
    }
    registry.reconcile(process, stages, {"shadow": "2", "shadow-3": "3"})
    assert registry.get(process, "canary") is None
    assert registry.get(process, "shadow").version == "2"
    registry.reconcile(process, {"1": "Archived", "2": "Production", "3": "Archived"})
    assert [registry.get(process, name) for name in ("canary", "shadow", "shadow-3")] == [None] * 3
    assert registry.get(process, "production").version == "2"


def test_a_damaged_copy_is_fetched_again(registry: MlflowRegistry, process: str, release: Releases) -> None:
    version = log(registry, process, release(), "k")
    folder = registry.fetch(process, version)
    (folder / "model.ubj").write_bytes(b"damaged")
    assert registry.fetch(process, version) == folder
    assert sound(folder)
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def test_changed_artifacts_are_refused(
    registry: MlflowRegistry, process: str, release: Releases, mlflow_server: Endpoints, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    version, run_id = registry.log_release(process, release(), key="k", metrics={}, tags={})
    folder = registry.fetch(process, version)
    description = json.loads((folder / "release.json").read_text())
    (tmp_path / "release.json").write_text(json.dumps({**description, "code_version": "another"}))
    client = MlflowClient(mlflow_server.mlflow_uri, mlflow_server.mlflow_uri)
    client.log_artifact(run_id, str(tmp_path / "release.json"), "model/data/release")
    shutil.rmtree(folder)
    with pytest.raises(RegistryError, match="found other content"):
        registry.fetch(process, version)
    assert list(folder.parent.iterdir()) == []


def test_a_fetched_release_outlives_the_server(
    registry: MlflowRegistry, process: str, release: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    version = log(registry, process, release(), "k")
    folder = registry.fetch(process, version)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        gone = MlflowRegistry(f"http://127.0.0.1:{closed.getsockname()[1]}", tmp_path / "cache of releases")
        assert gone.fetch(process, version) == folder
        run_id = folder.name.removeprefix(f"{version}-")
        monkeypatch.setattr(gone, "_version", None)  # nobody is asked
        assert gone.fetch(process, version, run_id) == folder
        with pytest.raises(RegistryError, match="dq doctor"):
            gone.fetch(process, "9")
        with pytest.raises(RegistryError, match="dq doctor"):
            gone.versions(process)


def test_what_is_not_there_is_said(registry: MlflowRegistry, process: str, release: Releases, tmp_path: Path) -> None:
    assert registry.versions(process) == ()
    assert registry.get(process, "production") is None
    with pytest.raises(RegistryError, match=r"could not fetch version 7 .*`dq releases`"):
        registry.fetch(process, "7")
    log(registry, process, release(), "k")
    with pytest.raises(RegistryError, match="version 7"):
        registry.set_stage(process, "7", "Production")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a release expected"):
        log(registry, process, tmp_path / "empty", "k2")
