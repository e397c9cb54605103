"""Runbooks as pages: what to do when something told of itself."""

from __future__ import annotations

import re
from functools import lru_cache

from fastapi import APIRouter, HTTPException, Request
from markdown_it import MarkdownIt
from starlette.responses import Response

from dq_airflow.ui import access, rendering
from dq_pipeline.adapters.checkout import ROOT

router = APIRouter()

FOLDER = ROOT / "docs" / "runbooks"
_NAME = re.compile(r"[a-z][a-z_-]{0,60}")
_LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)


@router.get("/about/runbooks/{name}")
def runbook(name: str, request: Request, user: access.User) -> Response:
    """One runbook, to any user: it speaks of no process."""
    found = rendered(name)
    if found is None:
        raise HTTPException(404, f"There is no runbook {name[:80]!r}.")
    return rendering.page(request, "runbook.html", user=user, name=name, words=found)


def rendered(name: str) -> str | None:
    """A runbook as HTML without scripts, links among runbooks alone; None where there is none.

    Where the platform runs without its documentation there are none at all.
    """
    path = FOLDER / f"{name}.md"
    if not _NAME.fullmatch(name) or not path.is_file():
        return None
    return _rendered(name, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _rendered(name: str, _: int) -> str:
    words = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(words)
    return _LINK.sub(_link, html)


def _link(found: re.Match[str]) -> str:
    """To another runbook; what leads elsewhere is not part of these pages and becomes its words."""
    name = found[1].partition("#")[0].removesuffix(".md")
    known = _NAME.fullmatch(name) and (FOLDER / f"{name}.md").is_file()
    return f'<a href="{{root}}/about/runbooks/{name}">{found[2]}</a>' if known else found[2]
