"""The documentation's site in a real browser, opened as files: no server, and none of others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
    return folder


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A page; what it asks of another server, and what its console says, is an error."""
    opened = browser.new_page(color_scheme=request.param)
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else said.append(asked.url))
    opened.on("requestfailed", lambda asked: said.append(asked.url))
    yield opened
    assert said == []
    scheme = opened.evaluate("document.body.dataset.mdColorScheme")
    opened.close()
    assert scheme == {"light": "default", "dark": "slate"}[request.param]


@pytest.mark.parametrize("start", ["index.html", "concepts/drift.html"])
def test_search_finds_pages_without_a_server(page: Any, built: Path, start: str) -> None:
    page.goto((built / start).as_uri())
    page.locator("[data-md-component=search-query]").click()
    page.keyboard.type("probation")
    found = page.locator(".md-search-result__link").first
    found.wait_for(timeout=60_000)
    found.click()
    page.wait_for_url(lambda url: not url.endswith(start))
    assert page.locator("article h1").count() == 1


def test_a_picture_is_shown(page: Any, built: Path) -> None:
    page.goto((built / "concepts" / "quality.html").as_uri())
    assert page.locator("article img").first.evaluate("image => image.complete && image.naturalWidth > 100")
