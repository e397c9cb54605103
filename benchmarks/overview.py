"""How long the page of all processes takes, with 50 processes and 100,000 micro-batches in the ledger.

A real PostgreSQL, the real app behind a real server with one worker, asked again and again over HTTP; only who is
logged in is played. Stated beforehand: 300 ms at the 95th percentile. Beside it the same with four people at once, and
the timeline of one process, 1,000 samples at a time, and what a scrape of the metrics reads of the ledger.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import psycopg2
import yaml

from benchmarks.stack import process_file_data
from dq_pipeline import local
from dq_pipeline.evidence import row
from dq_pipeline.settings import Settings
from dq_pipeline.wiring import World, open_world

SAMPLES = 5
"""Completed samples of a micro-batch."""
PEOPLE = 4
BAR_MS = 300.0

_FILL = """
    INSERT INTO dq.processes (process, sequence, samples, failures)
        SELECT name, {batches}, {batches} * {samples}, 0 FROM names;
    INSERT INTO dq.releases (process, version, run_id, stage, key, kind, metrics, samples, created_at, settings_hash,
            promoted_at)
        SELECT name, v::text, 'run', CASE WHEN v = 8 THEN 'Production' ELSE 'Archived' END, 'key' || v, 'adaptation',
            '{{"mae": 0.1, "line/threshold": 0.3, "line/drift_threshold": 9.0}}', 500, now(), 'hash' || v, now()
        FROM names, generate_series(1, 8) v;
    INSERT INTO dq.changes (process, action, version, previous, who, why, at, sample)
        SELECT name, 'promote', v::text, (v - 1)::text, 'dq', 'better', now(), v * {batches} * {samples} / 10
        FROM names, generate_series(1, 8) v;
    INSERT INTO dq.batches (process, batch_id, sequence, topic, state, fence, attempts, untried, holder, lease_until,
            uri, messages, counts, first_sample, samples, claimed_at, committed_at)
        SELECT name, 'b' || b, b, 'topic', 'committed', 1, 1, false, 'run', now(), 'lake/' || b, {samples},
            '{{"accepted": {samples}}}', (b - 1) * {samples}, {samples}, now(),
            now() - (interval '1 min') * ({batches} - b)
        FROM names, generate_series(1, {batches}) b;
    INSERT INTO dq.scores (process, sample_id, scope, batch_id, sample, source, start, release, dimensions, unified,
            accepted, drift_statistic, metadata, partition, "offset", arrived_at)
        SELECT name, 's' || s, 'completion', 'b' || (s / {samples} + 1), s, 'rig', now(), '8',
            '{{"accuracy": 0.9, "completeness": 1.0, "consistency": 0.9, "timeliness": 0.8, "skewness": 0.7}}',
            0.4 + 0.1 * sin(s), true, 4.0 + 3.0 * sin(s / 50.0), '{{"recipe": "a"}}', 0, s, now()
        FROM names, generate_series(0, {batches} * {samples} - 1) s;
    INSERT INTO dq.predictions (process, sample_id, release, role, batch_id, value, lower, upper, unified, alarm,
            expected_error, at)
        SELECT name, 's' || s, '8', 'champion', 'b' || (s / {samples} + 1), 1.0, 0.5, 1.5, 0.4, false, 0.1, now()
        FROM names, generate_series(0, {batches} * {samples} - 1) s;
    INSERT INTO dq.targets (process, sample_id, value, origin, annotator, at, lag)
        SELECT name, 's' || s, 1.0 + 0.1 * sin(s), 'completion', '', now(), 0
        FROM names, generate_series(0, {batches} * {samples} - 1) s;
    INSERT INTO dq.reviews (process, sample_id, state, priority, reasons, rounds, opened_at, automatic, content)
        SELECT name, 's' || n, CASE WHEN n <= 40 THEN 'waiting' ELSE 'settled' END, n, '{{}}', 1, now(), false, 'c' || n
        FROM names, generate_series(1, 400) n;
    INSERT INTO dq.incidents (process, kind, title, evidence, at, told, ending, cause, subject, severity)
        SELECT name, 'calibration', 'reads twice', '{{}}', now(), true, CASE WHEN n > 2 THEN 'repaired' END,
            'calibration', 'sensor' || n, 'warning'
        FROM names, generate_series(1, 100) n;
    INSERT INTO dq.alerts (process, kind, key, severity, title, subject, evidence, at, cleared_at)
        SELECT name, 'contract', 'contract:' || n, 'warning', 'broken', '', '{{}}', now(),
            CASE WHEN n > 3 THEN now() END
        FROM names, generate_series(1, 500) n;
    ANALYZE;
"""


def measure(short: bool) -> list[dict[str, Any]]:
    """Rows {name, value, unit, against, bar, holds}: milliseconds of the route."""
    processes, batches, asked = (10, 2_000, 20) if short else (50, 100_000, 200)
    names = [f"plant{n:02d}" for n in range(processes)]
    with _world(names) as world:
        _fill(world, names, batches // processes)
        with _served(world, set(names)) as address:
            for _ in range(3):
                assert names[-1] in _ask(f"{address}/dq/")[1]
            alone = [_ask(f"{address}/dq/")[0] for _ in range(asked)]
            with ThreadPoolExecutor(PEOPLE) as people:
                together = [ms for ms, _ in people.map(_ask, [f"{address}/dq/"] * asked)]
            timeline = [_ask(f"{address}/dq/{names[n % processes]}")[0] for n in range(asked // 4)]
        scraped = [_scraped(world, names) for _ in range(asked // 10)]
    what = f"overview/{processes} processes, {batches:,} micro-batches"
    return [
        row(f"{what}: median", _at(alone, 50), "ms"),
        row(f"{what}: 95th percentile", _at(alone, 95), "ms", bar=BAR_MS),
        row(f"{what}, {PEOPLE} people at once: 95th percentile", _at(together, 95), "ms"),
        row(f"{what}, one process over 1,000 samples: 95th percentile", _at(timeline, 95), "ms"),
        row(f"{what}, what metrics read of the ledger: 95th percentile", _at(scraped, 95), "ms"),
    ]


@contextmanager
def _world(names: list[str]) -> Iterator[World]:
    """A migrated ledger on a PostgreSQL of its own, and a process file for each name."""
    var = Path(tempfile.mkdtemp(prefix="dq-overview-"))
    var.chmod(0o755)  # PostgreSQL, which refuses root, must enter
    folder = var / "processes"
    folder.mkdir()
    for name in names:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(process_file_data(name)))
    try:
        ends = local.up(["postgres"], var)
        own = {"DQ_VAR": str(var), "DQ_PROCESS_DIR": str(folder), "DQ_LAKE_URI": str(var / "lake")}
        given = {**os.environ, **ends.environment(), **own}
        environment = mock.patch.dict(os.environ, {**own, "AIRFLOW_HOME": str(var / "airflow")})
        with environment, open_world(Settings.resolve(environ=given)) as world:
            world.ledger.migrate()
            yield world
    finally:
        local.down(var)
        shutil.rmtree(var, ignore_errors=True)


def _fill(world: World, names: list[str], batches: int) -> None:
    url = world.settings.database_url.get_secret_value().replace("+psycopg2", "")
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE names ON COMMIT DROP AS SELECT unnest(%s) AS name", (names,))
            cursor.execute(_FILL.format(batches=batches, samples=SAMPLES))
    finally:
        connection.close()


@contextmanager
def _served(world: World, names: set[str]) -> Iterator[str]:
    """The app under /dq of another one, as Airflow mounts it, on a port of this machine; every user may do all."""
    import uvicorn
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import FastAPI

    from dq_airflow.ui import access
    from dq_airflow.ui.app import make_app
    from dq_airflow.ui.opened import Opened

    @contextmanager
    def opened() -> Iterator[Any]:
        yield world

    user = SimpleNamespace(get_name=lambda: "anna")
    pages, root = make_app(Opened(opened)), FastAPI()
    pages.dependency_overrides[get_user] = lambda: user
    root.mount("/dq", pages)
    server = uvicorn.Server(uvicorn.Config(root, host="127.0.0.1", port=0, log_level="warning", access_log=False))
    allowed = mock.patch.multiple(
        access, readable=lambda _: names, requires_access_dag=lambda *_, **__: lambda *_: None
    )
    with allowed:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _ask(address: str) -> tuple[float, str]:
    """Milliseconds until the whole page is there, and the page."""
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        page = answer.read().decode()
    return 1e3 * (time.perf_counter() - began), page


def _scraped(world: World, names: list[str]) -> float:
    """Milliseconds until all metrics of the ledger are read."""
    began = time.perf_counter()
    _, failed = world.ledger.gauges(names, datetime.now(UTC))
    assert not failed
    return 1e3 * (time.perf_counter() - began)


def _at(times: list[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)), 1)
