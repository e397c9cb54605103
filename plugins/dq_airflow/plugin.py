"""What Airflow's plugin system is told of."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from dq_airflow import listener


def _apps() -> list[dict[str, Any]]:
    """The pages, in the web server alone: other components would import all of it for nothing."""
    if "api-server" not in sys.argv:
        return []
    from dq_airflow.ui.app import make_app

    return [{"app": make_app(), "url_prefix": "/dq", "name": "Data quality"}]


def _view() -> dict[str, Any]:
    home = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/") + "/dq"
    return {
        "name": "Quality",  # what is longer is cut off
        "href": f"{home}/",
        "destination": "nav",
        "nav_top_level": True,
        "url_route": "data-quality",
        "icon": f"{home}/static/icon.svg",
    }


class DQPlugin(AirflowPlugin):
    """The listener that preloads modules for tasks, and the pages in the web server."""

    name = "dq"
    listeners = [listener]  # noqa: RUF012 - Airflow's own form
    fastapi_apps = _apps()
    external_views = [_view()]  # noqa: RUF012
