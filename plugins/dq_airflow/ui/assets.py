"""Style, scripts and the plotting library: served to who is logged in, asked for again only where they changed."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from dq_airflow.ui.rendering import FOLDER

PLOTLY = "plotly.min.js"
YEAR_S = 31_536_000

router = APIRouter()
_own = StaticFiles(directory=FOLDER / "static")


@router.get("/static/{name}")
async def static(name: str, request: Request) -> Response:
    """A file with its ETag; the plotting library, whose address names its version, is kept for a year."""
    if name == PLOTLY:
        found = await _plotly().get_response(name, request.scope)
        found.headers["Cache-Control"] = f"private, max-age={YEAR_S}, immutable"
    else:
        found = await _own.get_response(name, request.scope)
        found.headers["Cache-Control"] = "private, no-cache"
    return found


def plotly_address() -> str | None:
    """Where a page finds the plotting library; None where it is not installed."""
    return f"static/{PLOTLY}?v={metadata.version('plotly')}" if find_spec("plotly") else None


@cache
def _plotly() -> StaticFiles:
    spec = find_spec("plotly")
    folder = Path(spec.origin).parent / "package_data" if spec and spec.origin else FOLDER / "static"
    return StaticFiles(directory=folder)
