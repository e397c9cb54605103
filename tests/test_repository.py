"""The repository holds what it says it holds."""

from __future__ import annotations

import hashlib
import re
import statistics
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MODULES = sorted([*(ROOT / "dq_pipeline").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def outside_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(outside_code(page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page}: {target} does not exist"
        assert there.is_relative_to(ROOT), f"{page}: {target} leads out of the repository"
        assert not anchor or anchor in anchors(there), f"{page}: {target} names no heading"


def test_each_guarantee_names_a_test_that_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## Where each guarantee is tested")[1]
    rows = re.findall(r"^\| .+ \| `(tests/[\w/]+\.py)` \|$", text.split("\n## ")[0], re.MULTILINE)
    assert len(rows) > 15
    for name in rows:
        assert "\ndef test_" in (ROOT / name).read_text(encoding="utf-8"), name


def test_files_named_in_pages_exist() -> None:
    pattern = re.compile(r"`((?:dq_pipeline|plugins|tests|dags|docs|docker)/[\w./-]+\.\w+)`")
    named = {(page, name) for page in PAGES for name in pattern.findall(page.read_text(encoding="utf-8"))}
    assert len(named) > 10
    missing = [f"{page.relative_to(ROOT)}: {name}" for page, name in named if not (ROOT / name).exists()]
    assert missing == [f"README.md: {name}" for name in ("dags/processes/pump.yaml",)]  # the newcomer's own


def test_every_runbook_that_the_code_names_exists() -> None:
    from dq_pipeline.adapters.ledger.incidents import _CRITICAL
    from dq_pipeline.records import Cause, runbook

    named = {name for file in MODULES for name in re.findall(r"docs/runbooks/[\w-]+\.md", file.read_text("utf-8"))}
    asked = {kind for file in MODULES for kind in re.findall(r'\brunbook\("([\w-]+)"\)', file.read_text("utf-8"))}
    named |= {runbook(kind) for kind in (*_CRITICAL, *Cause, *asked)}
    assert len(asked) >= 4
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("folder", ["adr", "runbooks"])
def test_indexes_name_every_page(folder: str) -> None:
    index = ROOT / "docs" / folder / "README.md"
    pages = {page.name for page in index.parent.glob("*.md")} - {"README.md"}
    assert set(LINK.findall(index.read_text(encoding="utf-8"))) == pages


def test_decisions_say_what_violates_them() -> None:
    pages = sorted((ROOT / "docs/adr").glob("0*.md"))
    assert [page.name[:4] for page in pages] == [f"{i + 1:04d}" for i in range(len(pages))]
    for page in pages:
        last = page.read_text(encoding="utf-8").strip().split("\n\n")[-1]
        assert last.startswith("**A change violates this decision when it**"), page


def test_modules_are_rooms_and_not_halls() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in MODULES}
    assert {str(file): n for file, n in lengths.items() if n > 300} == {}
    assert statistics.median(n for n in lengths.values() if n) <= 120
    vague = {"utils", "helpers", "manager", "base", "common"}
    assert [file for file in MODULES if vague & {file.stem, file.parent.name}] == []


def locked() -> dict[str, list[tuple[str, int]]]:
    """Versions and number of hashes of each package in the lock."""
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / "requirements.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, list[tuple[str, int]]] = {}
    for entry in entries:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", entry)
        if match:
            name = canonicalize_name(match[1])
            found.setdefault(name, []).append((match[2], entry.count("--hash=sha256:")))
    return found


def test_the_lock_holds_every_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]
    lock = locked()
    assert len(lock) > 100
    for requirement in wanted:
        versions = lock.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not in requirements.txt: compile it again"
        for version, _ in versions:
            assert requirement.specifier.contains(version), f"{requirement}: requirements.txt holds {version}"
    assert [name for name, versions in lock.items() if not all(hashes for _, hashes in versions)] == []


COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return found


def test_compose_takes_every_secret_from_the_environment(services: dict[str, Any]) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    assert asked == offered
    for name, service in services.items():
        for key, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|FERNET|_CONN$|DATABASE_URL|STORE_URI", key) and "FILE" not in key:
                assert "${" in str(value), f"{name}: {key} is written out"
    secrets = [line for line in example.splitlines() if re.match(r"[A-Z_]*(PASSWORD|SECRET|FERNET)[A-Z_]*=.", line)]
    assert secrets == [], "an example holds no secret"


def test_compose_names_files_and_services_that_exist(services: dict[str, Any]) -> None:
    volumes = set(yaml.safe_load(COMPOSE)["volumes"])
    for name, service in services.items():
        assert ("image" in service) or ("build" in service), name
        build = service.get("build")
        if build:
            assert (ROOT / build["context"] / build["dockerfile"]).is_file()
        for mount in service.get("volumes", ()):
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount).split(":")[0]
            if source.startswith("./var"):
                continue  # made by whoever runs it
            assert (ROOT / source).exists() if source.startswith(".") else source in volumes, f"{name}: {mount}"
        assert set(service.get("depends_on", {})) <= set(services)


def test_ci_calls_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([-.\w]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    runs = [step["run"].split() for job in jobs.values() for step in job["steps"] if "run" in step]
    assert all(words[0] == "make" and words[1] in targets for words in runs)
    assert {"lint", "type", "test", "bench", "demo"} <= {words[1] for words in runs}
    assert jobs["ci"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_licence_is_apache() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


COMPILED = [module for module in MODULES if "@njit" in module.read_text(encoding="utf-8")]
STAMP = re.compile(r"^# compiled with \w+(?:, \w+)*: ([0-9a-f]{8})$", re.MULTILINE)


@pytest.mark.parametrize("module", COMPILED, ids=lambda module: module.stem)
def test_compiled_code_changes_with_what_it_calls(module: Path) -> None:
    """Numba keeps a function compiled until its own file changes: the stamp makes a file change with those it calls."""
    text = module.read_text(encoding="utf-8")
    named = {".".join(one.relative_to(ROOT).with_suffix("").parts): one for one in COMPILED}
    called = sorted(named[name] for name in re.findall(r"^from ([\w.]+) import", text, re.MULTILINE) if name in named)
    found = STAMP.findall(text)
    if not called:
        assert not found
        return
    digest = hashlib.sha256("".join(one.read_text(encoding="utf-8") for one in called).encode()).hexdigest()[:8]
    expected = f"# compiled with {', '.join(one.stem for one in called)}: {digest}"
    assert expected in text.splitlines(), f"put `{expected}` into {module.name}"
