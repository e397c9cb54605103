"""The site: it builds without a warning, every link and anchor in it resolves, and it needs no other server."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
"""What a browser fetches by itself, and where it says from where."""


@dataclass
class Page(HTMLParser):
    """One page: its anchors, its links, and what it fetches."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if FETCHED.get(tag, "") in found and not found.get("rel", "").startswith(("canonical", "next", "prev")):
            self.fetched.append(found[FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> Mapping[Path, Page]:
    """Every page of the site, read."""
    found = {}
    for file in sorted(site.rglob("*.html")):
        found[file] = Page()
        found[file].feed(file.read_text(encoding="utf-8"))
    return found


def broken(site: Path, pages: Mapping[Path, Page]) -> Iterator[str]:
    """Links, and things fetched, that lead to no file or to no anchor of it."""
    for file, page in pages.items():
        if file.name == "404.html":
            continue  # served from anywhere, so it links from the site's root
        for target in {*page.links, *page.fetched}:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            there = (file.parent / unquote(url.path)).resolve() if url.path else file
            if not there.is_file() or not there.is_relative_to(site):
                yield f"{file.relative_to(site)}: {target} is no file"
            elif url.fragment and there in pages and unquote(url.fragment) not in pages[there].anchors:
                yield f"{file.relative_to(site)}: {target} names no anchor"


def test_every_link_and_anchor_resolves(site: Path, pages: Mapping[Path, Page]) -> None:
    assert len(pages) > 100
    assert list(broken(site, pages)) == []


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#there">b</a><a href="c.html">c</a><img src="d.png">')
    (tmp_path / "b.html").write_text('<h1 id="here">here</h1>')
    read = {file: Page() for file in sorted(tmp_path.iterdir())}
    for file, page in read.items():
        page.feed(file.read_text())
    assert sorted(broken(tmp_path, read)) == [
        "a.html: b.html#there names no anchor",
        "a.html: c.html is no file",
        "a.html: d.png is no file",
    ]


def test_nothing_is_fetched_from_elsewhere(site: Path, pages: Mapping[Path, Page]) -> None:
    assert [f"{file}: {url}" for file, page in pages.items() for url in page.fetched if urlsplit(url).netloc] == []
    styles = [file for file in site.rglob("*.css") if "url(http" in file.read_text(encoding="utf-8")]
    assert styles == []


def test_every_page_can_be_reached_and_searched(site: Path, pages: Mapping[Path, Page]) -> None:
    home = site / "index.html"
    linked = {(home.parent / unquote(urlsplit(link).path)).resolve() for link in pages[home].links}
    lost = [str(file.relative_to(site)) for file in pages if file not in linked and file.name != "404.html"]
    assert [file for file in lost if file != "index.html" and not file.startswith("project/")] == []
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for words in (
        "Your own process in 15 minutes",
        "dq_pipeline.quality",
        "dq import",
        "deployment",
        "quality.threshold",
    ):
        assert words in index


def test_the_reference_is_that_of_the_code(pages: Mapping[Path, Page], site: Path) -> None:
    from dq_pipeline.cli.main import app

    commands = pages[site / "reference" / "commands.html"].anchors
    names = {(command.name or command.callback.__name__).replace("_", "-") for command in app.registered_commands}
    assert {f"dq-{name}" for name in names} <= commands
    assert {file.stem for file in (ROOT / "dags").glob("*.py")} <= pages[site / "reference" / "dags.html"].anchors
    python = pages[site / "reference" / "dq_pipeline" / "quality.html"].anchors
    assert {"dq_pipeline.quality.scorer.QualityScorer", "dq_pipeline.quality.dimensions.accuracy"} <= python


@pytest.mark.parametrize("program", ["docstrings", "hooks"])
def test_examples_of_the_programs_hold(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doctest", f"docs/{program}.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pictures_are_those_of_their_program() -> None:
    program: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "diagrams.py"))
    folder = ROOT / "docs" / "concepts"
    assert {file.stem for file in folder.glob("*.svg")} == set(program["PICTURES"])
    for name, picture in program["PICTURES"].items():
        assert (folder / f"{name}.svg").read_text(encoding="utf-8") == program["drawn"](picture), "run docs/diagrams.py"
