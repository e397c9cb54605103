"""The way back from production to training, without a command typed: labels come late and some are wrong, a reviewer
clicks in a real browser, and the platform does the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dq_pipeline import evidence, local
from dq_pipeline.demo import loop
from dq_pipeline.demo.director import Director, Played
from dq_pipeline.demo.report import summarize
from dq_pipeline.demo.timeline import Timeline
from dq_pipeline.errors import ServerError
from dq_pipeline.local import Endpoints
from dq_pipeline.steps import agenda
from dq_pipeline.wiring import World, open_world
from tests.system.conftest import browser  # noqa: F401 - a fixture

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parents[2]
PROCESS = "vacuum_lab"
CALM_S = 20.0


@dataclass
class Reviewer:
    """Somebody who knows the process, logged in, and judges what the queue shows."""

    page: Any
    url: str
    fed: dict[str, Any]
    judged: list[str] = field(default_factory=list)

    def look(self) -> int:
        """Judge what waits and has a label, or is plainly defective; returns how many."""
        self.page.goto(f"{self.url}/dq/{PROCESS}/reviews")
        rows = self.page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.href)")
        return sum(self._judge(address) for address in rows)

    def _judge(self, address: str) -> bool:
        self.page.goto(address)
        if self.page.locator("#judge").count() == 0:
            return False  # settled meanwhile
        name = self.page.get_by_role("heading", level=1).inner_text()
        wrong = self.fed["labels"]["wrong"].get(name)
        labelled = self.page.locator("label.accept input").is_enabled()
        if name in self.fed["faults"]:
            self.page.locator("label.reject").click()
            self.page.get_by_label("Reason").fill(f"the curves show {self.fed['faults'][name]}")
        elif not labelled:
            return False
        elif wrong is not None:
            self.page.locator("label.correct").click()
            self.page.get_by_label("Right value").fill(f"{wrong['right']:.6f}")
        else:
            self.page.locator("label.accept").click()
        self.page.get_by_role("button", name="Send").click()
        self.page.wait_for_url(lambda url: url != address)
        self.judged.append("reject" if name in self.fed["faults"] else "accept" if wrong is None else "correct")
        return True


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Future[Played]]]:
    """The demo of late labels, on servers of its own."""
    var = tmp_path_factory.mktemp("loop")
    director = Director(var, print, lambda _: None, Timeline())
    with ThreadPoolExecutor(1) as pool:
        try:
            yield var, pool.submit(director.play, PROCESS)
        finally:
            local.down(var)


def test_production_teaches_the_next_release(
    browser: Any,  # noqa: F811 - the fixture
    playing: tuple[Path, Future[Played]],
) -> None:
    var, playback = playing
    fed = _fed(var, playback)
    reviewer = Reviewer(_logged_in(browser, Endpoints.load(var)), Endpoints.load(var).airflow_url, fed)
    while not playback.done():
        reviewer.look()
        time.sleep(5.0)  # the pages are drawn on the cores that the platform works on
    played = playback.result()
    with open_world(played.settings) as world:
        _until_nothing_is_left(world, reviewer)
        summary = summarize(world, played, Timeline())
        history = [(change.action, change.version, change.why) for change in world.ledger.changes(PROCESS)]
    found = summary["loop"]
    evidence.write(ROOT / "var" / "evidence", "test-system", loop.evidence_rows(PROCESS, found), partial=True)
    print(json.dumps(found, indent=1))
    print(*history, sep="\n")
    assert loop.shortcomings(found) == []
    assert found["reviews"]["reviewers"] == ["admin"]
    assert {"reject", "correct", "accept"} == set(reviewer.judged), "clicked in the browser"
    assert sum(found["reviews"]["by_person"].values()) == len(reviewer.judged)
    assert all(who == "dq" for who in {change.who for change in _changes(played)}), "nobody typed a command"


def _changes(played: Played) -> Any:
    with open_world(played.settings) as world:
        return world.ledger.changes(PROCESS)


def _fed(var: Path, playback: Future[Played]) -> dict[str, Any]:
    """What is wrong with which recording: the reviewer knows, the platform does not."""
    while not playback.done():
        with suppress(FileNotFoundError):
            fed: dict[str, Any] = json.loads((var / "demo" / "fed.json").read_text(encoding="utf-8"))
            return fed
        time.sleep(1.0)
    playback.result()
    raise ServerError("a stream that is fed expected before the demo ends")


def _logged_in(browser: Any, site: Endpoints) -> Any:  # noqa: F811
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{site.airflow_url}/auth/login?next={site.airflow_url}/")
    page.locator("input[name=username]").fill(site.airflow_user)
    page.locator("input[name=password]").fill(site.airflow_password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/auth/" not in url)
    return page


def _until_nothing_is_left(world: World, reviewer: Reviewer) -> None:
    """Until no labelled sample waits and nothing is due any more."""
    calm_since = time.monotonic()
    while time.monotonic() - calm_since < CALM_S:
        if reviewer.look() or agenda.read(world, PROCESS).due is not None:
            calm_since = time.monotonic()
        time.sleep(2.0)
