"""The FastAPI app that Airflow's web server mounts at `/dq`. Every route asks who is there, the metrics' by a token."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from dq_airflow.ui import (
    assets,
    batches,
    catalogue,
    contracts,
    errors,
    incidents,
    labels,
    metrics,
    overview,
    process,
    releases,
    reviews,
    runbooks,
    samples,
    sensors,
    settings,
)
from dq_airflow.ui.opened import Opened

HEADERS = {
    # The plotting library writes styles of its own; scripts come from files alone. Airflow shows the pages in a frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


PARTS = (
    assets,
    overview,
    reviews,
    labels,
    samples,
    runbooks,
    catalogue,
    process,
    incidents,
    releases,
    batches,
    contracts,
    sensors,
    settings,
)


def make_app(opened: Opened | None = None) -> FastAPI:
    """The app, with the world it answers from; no world is opened yet."""
    opened = opened or Opened()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=opened.warm, name="dq-warm", daemon=True).start()
        yield
        opened.close()

    app = FastAPI(
        title="Data quality",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(get_user)],
        lifespan=lifespan,
    )
    app.state.opened = opened
    errors.install(app)
    app.middleware("http")(_guard)
    app.router.routes.extend(metrics.routes)  # before `/{process}`; no scraper has Airflow's log-in
    for part in PARTS:
        app.include_router(part.router)
    return app


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
