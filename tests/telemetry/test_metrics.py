"""What Prometheus scrapes: it parses, it is whole, it is the documented list, and no part of it hides the others."""

from __future__ import annotations

import asyncio
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dq_pipeline.adapters.kafka import KafkaStream
from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.records import METRICS, Reading
from dq_pipeline.telemetry.metrics import Exposition, families, read
from tests.integration.conftest import Plant, recordings, running, template  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "docker/grafana/dashboards").glob("*.json"))
NAME = re.compile(r"\bdq_[a-z_]+\b")


def parsed(text: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Metric -> labels -> value; families without a sample too."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = {tuple(sorted(one.labels.items())): one.value for one in family.samples}
    return found


# --- without servers


def test_all_of_the_list_is_exposed_with_or_without_a_value() -> None:
    odd = 'a "b"\\\n{}'
    readings = [
        Reading("dq_messages_unread", 3.0, {"process": odd}),
        Reading("dq_samples_total", 7.0, {"process": "p"}),
    ]
    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        text, kind = Exposition(lambda: readings).text(accept)
        assert ("openmetrics" in kind) == bool(accept)
        assert all(f"# HELP {name.removesuffix('_total') if accept else name} " in text.decode() for name in METRICS)
    found = parsed(Exposition(lambda: readings).text()[0])
    assert list(found) == list(METRICS)
    assert found["dq_messages_unread"] == {(("process", odd),): 3.0}
    assert found["dq_samples_total"] == {(("process", "p"),): 7.0}
    with pytest.raises(KeyError):
        list(families([Reading("dq_made_up", 1.0)]))


def test_a_reading_serves_all_who_ask_for_a_while() -> None:
    asked: list[int] = []
    shown = Exposition(lambda: asked.append(1) or [])  # type: ignore[func-returns-value,arg-type]
    assert shown.text() == shown.text()
    assert len(asked) == 1
    fresh = Exposition(lambda: asked.append(1) or [], kept_s=0.0)  # type: ignore[func-returns-value,arg-type]
    assert (fresh.text(), fresh.text(), len(asked))[2] == 3


def test_names_and_units_are_as_prometheus_wants_them() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"dq_[a-z]+(_[a-z]+)*", name)
        assert name.endswith("_total") == (metric.kind == "counter")
        assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in metric.labels)
        assert metric.told.endswith(".")


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs/generate.py"))


def test_the_page_and_the_dashboards_are_up_to_date(generate: dict[str, Any]) -> None:
    assert (ROOT / "docs/metrics.md").read_text(encoding="utf-8") == generate["metrics"](), "python docs/generate.py"
    made: dict[str, str] = generate["dashboards"]()
    assert [path.name for path in DASHBOARDS] == sorted(made)
    assert all(path.read_text(encoding="utf-8") == made[path.name] for path in DASHBOARDS), "python docs/generate.py"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_panel_asks_for_metrics_of_the_list_and_labels_that_they_have(path: Path) -> None:
    board = json.loads(path.read_text(encoding="utf-8"))
    places, ids = [], []
    for panel in board["panels"]:
        ids.append(panel["id"])
        places.append((panel["gridPos"]["x"], panel["gridPos"]["y"]))
        for target in panel.get("targets", ()):
            (metric,) = NAME.findall(target["expr"])
            assert metric in METRICS, target["expr"]
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            used |= set(re.findall(r"(\w+)=\"", target["expr"]))
            assert used <= set(METRICS[metric].labels), target
            assert ("rate(" in target["expr"] or "increase(" in target["expr"]) <= (METRICS[metric].kind == "counter")
    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)


def test_the_dashboards_show_the_whole_list() -> None:
    assert set(NAME.findall("".join(path.read_text(encoding="utf-8") for path in DASHBOARDS))) - {"dq_platform"} >= set(
        METRICS
    )


def test_grafana_finds_data_source_and_dashboards() -> None:
    folder = ROOT / "docker/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards/dq.yaml").read_text())["providers"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = [mount.split(":")[1] for mount in compose["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts
    assert source["url"].split("//")[1].split(":")[0] in compose
    used = {
        panel["datasource"]["uid"]
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        if "datasource" in panel
    }
    assert used == {source["uid"]}
    (job,) = yaml.safe_load((ROOT / "docker/prometheus/prometheus.yaml").read_text())["scrape_configs"]
    assert job["static_configs"][0]["targets"][0].split(":")[0] in compose
    assert job["authorization"]["credentials_file"].split("/")[-1] in compose["prometheus"]["secrets"]


# --- the route

Scrape = Callable[..., httpx.Response]


@pytest.fixture
def scrape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scrape:
    pytest.importorskip("airflow")
    from dq_airflow.ui import app, opened

    (tmp_path / "pump.yaml").touch()
    monkeypatch.setenv("DQ_PROCESS_DIR", str(tmp_path))

    def ask(world: Any = None, **headers: str) -> httpx.Response:
        made = app.make_app(opened.Opened(lambda: nullcontext(world)))

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(made, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.get("/metrics", headers=headers)

        return asyncio.run(send())

    return ask


def test_without_the_setting_the_route_is_not_there(scrape: Scrape, monkeypatch: pytest.MonkeyPatch) -> None:
    for unset in (None, "", "  "):
        monkeypatch.delenv("DQ_METRICS_TOKEN", raising=False)
        if unset is not None:
            monkeypatch.setenv("DQ_METRICS_TOKEN", unset)
        for sent in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
            assert scrape(**sent).status_code == 404


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic tökén", "Bearer t", "tökén"])
def test_another_token_is_refused(scrape: Scrape, monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    monkeypatch.setenv("DQ_METRICS_TOKEN", "token-of-the-test")
    answer = scrape(**({"Authorization": sent} if sent.isascii() else {}))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "dq_" not in answer.text


def test_the_token_opens_it_whatever_is_away(scrape: Scrape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DQ_METRICS_TOKEN", "token-of-the-test")
    world = SimpleNamespace()  # nothing of it answers
    answer = scrape(world, Authorization="Bearer token-of-the-test")
    assert answer.status_code == 503
    assert "Traceback" not in answer.text


def test_the_command_prints_the_same_and_says_what_is_away(tmp_path: Path) -> None:
    named = {name: value for name, value in os.environ.items() if not name.startswith(("DQ_", "KAFKA_", "MLFLOW_"))}
    away = {
        "DQ_VAR": str(tmp_path),
        "DQ_DATABASE_URL": "postgresql://dq:dq@localhost:1/dq",
        "KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
    }
    program = [sys.executable, "-m", "dq_pipeline.cli.main", "metrics"]
    done = subprocess.run(program, cwd=ROOT, env={**named, **away}, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = parsed(done.stdout)
    assert list(found) == list(METRICS)
    assert found["dq_source_up"] == {(("source", "ledger"),): 0, (("source", "stream"),): 0}
    files = {path.stem for path in (ROOT / "dags/processes").glob("*.yaml")}
    assert {dict(labels)["process"] for labels in found["dq_process_file_valid"]} == files


# --- a process that runs


@pytest.mark.integration
def test_a_scrape_holds_every_listed_metric(running: Plant) -> None:  # noqa: F811
    for first in (0, 1000):
        running.publish(recordings(30, running.rng, first=first))
        running.send(b"rig/odd", b"{broken", [])
        running.flush()
        running.turn()
    (folder, name, world) = running.world.settings.process_dir, running.process, running.world
    (folder / "broken.yaml").write_text("process: [")
    running.publish(recordings(3, running.rng, first=2000))
    found = parsed(Exposition(lambda: read(world, [name, "broken"])).text()[0])
    mine = (("process", name),)
    assert list(found) == list(METRICS)
    assert found["dq_source_up"] == {(("source", "ledger"),): 1, (("source", "stream"),): 1}
    assert found["dq_scrape_failures"] == {(): 0}
    assert found["dq_process_file_valid"] == {mine: 1, (("process", "broken"),): 0}
    assert found["dq_messages_unread"] == {mine: 6}
    assert found["dq_messages_claimed_total"] == {mine: 122}
    assert found["dq_samples_total"] == {mine: 60}
    assert sum(found["dq_quarantined_total"].values()) == 2
    assert found["dq_drift_threshold"][mine] > 0
    assert found["dq_drift_statistic"][mine] >= 0
    assert 0 < found["dq_score"][*mine, ("quantile", "0.5")] <= 1
    assert found["dq_step_seconds"][*mine, ("quantile", "0.5"), ("step", "act")] > 0
    rare = {"contract_state", "contract_value", "incidents_open", "alerts_standing", "drift_events"}
    empty = {name.removeprefix("dq_") for name, samples in found.items() if not samples}
    assert empty <= rare, "every other metric has a value"
    assert found["dq_scrape_seconds"][()] < 5


@pytest.mark.integration
def test_a_server_that_is_away_takes_only_its_own_metrics_with_it(running: Plant) -> None:  # noqa: F811
    world, name = running.world, running.process
    deaf = replace(world, stream=KafkaStream("localhost:1", timeout_s=1, connect_timeout_s=1))
    found = parsed(Exposition(lambda: read(deaf, [name])).text()[0])
    assert found["dq_source_up"] == {(("source", "ledger"),): 1, (("source", "stream"),): 0}
    assert found["dq_messages_unread"] == {}
    assert found["dq_release_info"]
    gone = replace(world, ledger=PostgresLedger("postgresql://dq:dq@localhost:1/dq"))  # type: ignore[arg-type]
    found = parsed(Exposition(lambda: read(gone, [name])).text()[0])
    assert found["dq_source_up"] == {(("source", "ledger"),): 0, (("source", "stream"),): 1}
    assert found["dq_process_file_valid"]
