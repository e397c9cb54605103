"""Metrics for Prometheus, which has no log-in of Airflow's: a token of its own opens them."""

from __future__ import annotations

import hmac
import logging
import os
import threading
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dq_airflow import processes

if TYPE_CHECKING:
    from dq_pipeline.telemetry.metrics import Exposition

log = logging.getLogger(__name__)

TOKEN = "DQ_METRICS_TOKEN"
_making = threading.Lock()


def scrape(request: Request) -> Response:
    """The exposition; 404 where no token is set, 401 where another one, or none, was sent."""
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        return PlainTextResponse("Not found", 404)
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    # of bytes: texts with other letters than ASCII cannot be compared in constant time
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode(), token.encode()):
        return PlainTextResponse("A bearer token was expected", 401, {"WWW-Authenticate": "Bearer"})
    try:
        body, content_type = _exposition(request).text(request.headers.get("Accept", ""))
    except Exception:  # what is wrong is not for who asks
        log.exception("The metrics could not be read")
        return PlainTextResponse("The web server's log says what is wrong", 503)
    return Response(body, media_type=content_type)


def _exposition(request: Request) -> Exposition:
    from dq_pipeline.telemetry.metrics import Exposition, read

    state = request.app.state
    with _making:
        if not hasattr(state, "exposition"):
            state.exposition = Exposition(lambda: read(state.opened.world(), processes.names()))
        made: Exposition = state.exposition
        return made


routes = [Route("/metrics", scrape, methods=["GET"])]
