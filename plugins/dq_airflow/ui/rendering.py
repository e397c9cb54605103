"""Pages from templates; what is written into them is escaped."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.templating import Jinja2Templates
from starlette.responses import HTMLResponse

from dq_airflow.ui import wording

FOLDER = Path(__file__).parent
PLACES = ("", "reviews", "batches", "releases", "incidents", "contracts", "sensors", "settings")
"""Pages of a process that its navigation leads to, by the end of their address; the first is the process itself."""
_TEMPLATES = Jinja2Templates(FOLDER / "templates")


def root(request: Request) -> str:
    """The path under which the app is mounted, such as `/dq`, without a slash at its end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def page(request: Request, template: str, **context: Any) -> HTMLResponse:
    """A page; `user` is who is logged in, None on the page that says that nobody is."""
    home = root(request)
    airflow = home.removesuffix("/dq")
    given = {
        "root": home,
        "log_in": f"{airflow}/auth/login?next={quote(request.url.path)}",
        "opened": PLACES,
        "inline_style": _style() if context["user"] is None else None,
    }
    return _TEMPLATES.TemplateResponse(request, template, {**given, **context})


@cache
def _style() -> str:
    return (FOLDER / "static" / "dq.css").read_text(encoding="utf-8")


def _instant(text: str | datetime | None) -> str:
    if not text:
        return "-"
    found = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return f"{found:%Y-%m-%d %H:%M}"


_TEMPLATES.env.filters |= {
    "number": wording.number,
    "instant": _instant,
    "kind": wording.kind,
    "told": wording.told,
    "label": wording.label,
    "age": wording.age,
    "share": lambda value: "-" if value is None else f"{value:.0%}",
    "plain": lambda name: str(name).replace("_", " "),
    "segment": lambda text: quote(str(text), safe=""),
}
_TEMPLATES.env.trim_blocks = _TEMPLATES.env.lstrip_blocks = True
