"""One Airflow with the pages, one browser, and reviews that wait, for all tests of this folder."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dq_pipeline import local, steps
from dq_pipeline.local import Endpoints
from dq_pipeline.local.record import Record
from dq_pipeline.records import Cause, Diagnosis
from dq_pipeline.simulate.vacuum import to_table
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.wiring import open_world
from tests.integration.conftest import Notices, Plant, faulty, recordings, settings
from tests.live.platform import write_process

from .site import Site

SCREENS = Path(__file__).resolve().parents[2] / "var" / "screens"
REVIEWS = 24
METRICS_TOKEN = "token-of-the-site"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desktop": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 780}}


@pytest.fixture(scope="session")
def site(mlflow_server: Endpoints) -> Iterator[Site]:
    """Airflow with the pages, a process with reviews that wait, and one without any."""
    var = mlflow_server.var
    folder, history = var / "processes", var / "history.parquet"
    folder.mkdir()
    pq.write_table(to_table(recordings(220, np.random.default_rng(7)), target_column="yield_rate"), history)
    name, idle = f"pump{secrets.token_hex(3)}", f"idle{secrets.token_hex(3)}"
    write_process(folder, name, history, feedback={"review": {"settle": False}})
    write_process(folder, idle, history)
    own = settings(mlflow_server, mlflow_server.database_url, var, var / "cache")
    with open_world(own) as world:
        world.ledger.migrate()
        world.stream.ensure_topics(world.process(name))
        plant = Plant(world, name, np.random.default_rng(3), Notices())
        for run in ("first", "second"):  # so that there is a release to go back to
            plant.initialize(run)
        _stream(plant)
        environment = {
            "DQ_PROCESS_DIR": str(folder),
            "DQ_LAKE_URI": own.lake_uri,
            "DQ_METRICS_TOKEN": METRICS_TOKEN,
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",  # the steps are called here; no DAG need run
        }
        endpoints = local.up(["kafka", "postgres", "mlflow", "airflow"], var, env=environment)
        assert endpoints.airflow_url is not None
        passwords = {"admin": endpoints.airflow_password or "", "viewer": Record.load(var).viewer_password}
        ids = [item["review"] for item in steps.reviews(world, name)["items"]]
        assert len(ids) >= REVIEWS
        batch = str(world.ledger.batch_list(name, limit=1)[0]["batch_id"])
        made = Site(endpoints.airflow_url, passwords, world, name, idle, batch, _incident(plant), _unused=iter(ids))
        assert made.ask("/dq/", "admin").status == 200  # the first answer waits for imports
        yield made


def _stream(plant: Plant) -> None:
    """Recordings, some with broken readings or drifted; a person reports each of the first, so that all wait."""
    rng = np.random.default_rng(5)
    runs = recordings(40, rng, first=1000)
    runs = [faulty(run, rng) if i % 8 == 3 else run for i, run in enumerate(runs)]
    runs[5:8] = recordings(3, rng, first=1005, shift=4)
    plant.publish(runs)
    plant.send(b"broken", b"{<b>broken</b>", [])
    plant.flush()
    plant.answer()
    for run in runs[:REVIEWS]:
        steps.report(
            plant.world, plant.process, run.sample_id, why="<b>valve</b> was open by hand", who="anna", rating=2
        )
    steps.fill_queue(plant.world, plant.process)


def _incident(plant: Plant) -> int:
    """An open incident of a sensor, with what was considered."""
    hypotheses = [
        {"cause": "calibration", "subject": "flow", "confidence": 0.8, "onset": 3, "why": "only <b>flow</b> moved"}
    ]
    record = {"hypotheses": hypotheses, "slices": [{"name": "source=rig", "before": 0.1, "since": 0.3}]}
    told = Diagnosis(
        Cause.CALIBRATION,
        "flow",
        "critical",
        0.8,
        "flow reads <b>twice</b> as much",
        {},
        record,
        first=3,
        sensor="flow",
    )
    return plant.world.ledger.open_incident(plant.process, told, utc_now()).id


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The machine's Chromium, steered by Playwright."""
    from playwright.sync_api import sync_playwright  # `make test-system` installs it

    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/bin"])  # where Debian puts what it installs
    found = (shutil.which(name, path=places) for name in ("chromium", "chromium-browser", "google-chrome"))
    program = os.environ.get("DQ_CHROMIUM") or next(filter(None, found), None)
    assert program, "Chromium expected in PATH or its path in DQ_CHROMIUM; `make test-system` installs it"
    with sync_playwright() as opened:
        launched = opened.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def contexts(browser: Any, site: Site) -> Callable[[str, str, str], Any]:
    """A browser of a role, of a size, in light or dark; each role logs in once, through Airflow's own form."""

    @cache
    def kept(who: str) -> Any:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{site.url}/auth/login?next={site.url}/")
        page.locator("input[name=username]").fill(who)
        page.locator("input[name=password]").fill(site.passwords[who])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/auth/" not in url)
        return context.storage_state()

    @cache
    def context(who: str, size: str, scheme: str) -> Any:
        return browser.new_context(
            viewport=SIZES[size], color_scheme=scheme, storage_state=kept(who), has_touch=size == "phone"
        )

    return context


@pytest.fixture
def visit(contexts: Callable[[str, str, str], Any], site: Site) -> Iterator[Any]:
    """Opens a page as a role, at a size, in light or dark; what its console says is an error."""
    opened: list[Any] = []
    said: list[str] = []

    def open_page(path: str, who: str = "admin", size: str = "desktop", scheme: str = "light") -> Any:
        page = contexts(who, size, scheme).new_page()
        opened.append(page)
        page.set_default_timeout(60_000)  # a busy machine is slow, and not wrong
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda found: said.append(found.text) if found.type == "error" else None)
        page.goto(f"{site.url}{path}")
        return page

    yield open_page
    for page in opened:
        page.close()
    assert said == []


@pytest.fixture(scope="session")
def screens() -> Path:
    """Where pictures of the pages go."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    return SCREENS
