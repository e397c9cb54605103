"""What mkdocs calls while it builds the site: generated pages, the navigation, links that lead out of docs/.

Pages are written for the repository, so they link to files that are no part of docs/ (the README, a DAG file). In the
site such a file is a page as well, under `project/`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files

sys.path[:0] = [entry for entry in (str(Path(__file__).parent),) if entry not in sys.path]

import reference  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
PROJECT = {"README.md": "Overview", "CONTRIBUTING.md": "Contributing", "CHANGELOG.md": "Changes"}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml"}
UNLISTED = "How-to"


def anchor(title: str, separator: str) -> str:
    """A heading's anchor, as GitHub makes it: the same link works in the repository and in the site.

    Examples
    --------
    >>> anchor("Drift: `tau` & co.", "-")
    'drift-tau--co'
    """
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", separator)


def on_config(config: Any) -> None:
    """Anchors are made by :func:`anchor`; mkdocs.yml can name no function of this file."""
    config.mdx_configs["toc"]["slugify"] = anchor


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages and the files that pages link to, and name in the navigation what it leaves out."""
    generated = reference.pages()
    made = {path: text for path, (_, text) in generated.items()}
    pages = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
    pages += [(place(name), (ROOT / name).read_text(encoding="utf-8")) for name in PROJECT]
    made |= {place(name): (ROOT / name).read_text(encoding="utf-8") for name in PROJECT}
    for path, text in pages:
        made |= {place(name): shown(name) for name in outside(path, text) if name not in PROJECT}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    fill(config.nav, files, generated)
    return files


def fill(nav: list[Any], files: Files, generated: dict[str, tuple[str, str]]) -> None:
    """Complete the navigation: folders, the reference, the project, and pages that it does not name."""
    sections = {name: content for entry in nav if isinstance(entry, dict) for name, content in entry.items()}
    for section, folder in (("Runbooks", "runbooks"), ("Decisions", "adr")):
        paths = sorted(file.src_uri for file in files.documentation_pages() if file.src_uri.startswith(f"{folder}/"))
        sections[section].extend(sorted(paths, key=lambda path: not path.endswith("README.md")))
    tops = [{title: path} for path, (title, _) in generated.items() if path.count("/") == 1]
    sections["Reference"].extend(tops)
    for package in ("dq_pipeline", "dq_airflow"):
        inside = [{title: path} for path, (title, _) in generated.items() if f"/{package}/" in path]
        sections["Reference"].append({f"Python: {package}": inside})
    nav.append({"Project": [{title: place(name)} for name, title in PROJECT.items()]})
    named = set(paths_of(nav))
    missing = [file.src_uri for file in files.documentation_pages() if file.src_uri not in named]
    sections[UNLISTED].extend(sorted(path for path in missing if not path.startswith("project/")))


def paths_of(nav: Any) -> list[str]:
    """All pages that a navigation names."""
    if isinstance(nav, str):
        return [nav]
    return [path for entry in (nav.values() if isinstance(nav, dict) else nav) for path in paths_of(entry)]


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links that lead out of docs/ to where the site has that file."""
    here = page.file.src_uri
    return "".join(
        part if part.startswith("`") else LINK.sub(lambda found: turned(found, here), part)
        for part in CODE.split(markdown)
    )


def turned(found: re.Match[str], here: str) -> str:
    """One link."""
    target = found[2]
    if "://" in target or target.startswith("mailto:"):
        return found[0]
    name = in_repository(here, target)
    there = name.removeprefix("docs/") if name.startswith("docs/") else place(name)
    return f"{found[1]}{relpath(there, PurePosixPath(here).parent.as_posix())}{found[3]}"


def outside(here: str, text: str) -> set[str]:
    """The files of the repository, outside of docs/, that a page links to."""
    prose = "".join(part for part in CODE.split(text) if not part.startswith("`"))
    names = {in_repository(here, found[2]) for found in LINK.finditer(prose) if "://" not in found[2]}
    return {name for name in names if not name.startswith("docs/") and (ROOT / name).is_file()}


def in_repository(here: str, target: str) -> str:
    """The file that a link of a page means, from the repository's root."""
    folder = "." if here.startswith("project/") else PurePosixPath("docs", here).parent.as_posix()
    return normpath(f"{folder}/{target}")


def place(name: str) -> str:
    """Where the site has a file of the repository that is no part of docs/."""
    return f"project/{PROJECT[name].lower()}.md" if name in PROJECT else f"project/{name}.md"


def shown(name: str) -> str:
    """A file that is no page, as one."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return f"# {name}\n\n```{LANGUAGES.get(PurePosixPath(name).suffix, 'text')}\n{text}```\n"
