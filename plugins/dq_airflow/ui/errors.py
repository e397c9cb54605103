"""What a client is told when something is wrong: the words of our own errors, never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from dq_airflow.ui import rendering
from dq_pipeline.errors import DQError, LedgerError, RegistryError, SampleError, ServerError, StateError, StreamError

log = logging.getLogger(__name__)

TITLES = {
    401: "Please log in",
    403: "Not allowed",
    404: "Not found",
    405: "Not allowed",
    409: "Not possible as it stands",
    413: "Too large",
    422: "Not understood",
    500: "Something went wrong here",
    503: "A server does not answer",
}


def install(app: FastAPI) -> None:
    """Let all errors of the app be answered from here."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(DQError, _ours)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answer(request, error.status_code, str(error.detail), headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        {"path": ".".join(map(str, found["loc"])) or "(body)", "problem": str(found["msg"])[:300]}
        for found in error.errors()[:100]
    ]
    words = "; ".join(f"{one['path']}: {one['problem']}" for one in problems[:3])
    return answer(request, 422, words, problems=problems)


async def _ours(request: Request, error: Exception) -> Response:
    """A state that does not allow it is 409; where one only wanted to look, there is nothing: 404.

    A server that is away is 503; the ledger itself raises its plain error for nothing else.
    """
    status = 409
    if isinstance(error, StateError) and request.method in ("GET", "HEAD"):
        status = 404
    elif isinstance(error, RegistryError | StreamError | ServerError) or type(error) is LedgerError:
        status = 503
    elif isinstance(error, SampleError):
        status = 422
    return answer(request, status, str(error))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(request, 500, "The web server's log says what.")


def answer(
    request: Request,
    status: int,
    words: str,
    *,
    problems: list[dict[str, Any]] | None = None,
    headers: Any = None,
) -> Response:
    """JSON for a program, a page for a person."""
    path = request.url.path.removeprefix(rendering.root(request))
    if path.startswith(("/api/", "/static/")) or request.method not in ("GET", "HEAD"):
        found: dict[str, Any] = {"detail": words} | ({} if problems is None else {"problems": problems})
        return JSONResponse(found, status, headers)
    title = TITLES.get(status, "Not answered")
    page = rendering.page(request, "error.html", status=status, title=title, words=words, user=None)
    page.status_code = status
    page.headers.update(headers or {})
    return page
