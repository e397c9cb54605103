"""Who may do what: Airflow's own log-in and its rights on a process' DAGs, asked before anything else is looked at."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from dq_airflow import processes

Form = TypeVar("Form", bound=BaseModel)
User = Annotated[BaseUser, Depends(get_user)]

MAX_BODY_BYTES = 8 * 1024 * 1024


def dag_of(process: str) -> str:
    """The DAG whose rights govern a process' pages."""
    return f"{process}_deployment"


def readable(user: BaseUser) -> set[str]:
    """The processes that a user may look at."""
    names = processes.names()
    allowed = get_auth_manager().filter_authorized_dag_ids(dag_ids={dag_of(name) for name in names}, user=user)
    return {name for name in names if dag_of(name) in allowed}


def may_write(request: Request, user: BaseUser, process: str) -> bool:
    """Whether a user may judge, label and report."""
    try:
        _writing(process)(request, user)
    except HTTPException:
        return False
    return True


def reader(process: str, request: Request, user: User) -> BaseUser:
    """The user, who may read the process' DAG; 401, 403, then 404 for a process there is none of."""
    requires_access_dag("GET", param_dag_id=dag_of(process))(request, user)
    _exists(process)
    return user


def writer(process: str, request: Request, user: User) -> BaseUser:
    """The user, who may run the process' DAG, and whose browser was not sent here by another site."""
    _writing(process)(request, user)
    from_here(request)
    _exists(process)
    return user


Reader = Annotated[BaseUser, Depends(reader)]
Writer = Annotated[BaseUser, Depends(writer)]


def from_here(request: Request) -> None:
    """Refuse a write that a browser sends with the cookie, unless a page of this very server asked for it.

    A token in the header is never sent by a browser of itself. Browsers say where a request comes from in
    `Sec-Fetch-Site` (over HTTPS and on localhost) and in `Origin` (with every POST).
    """
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    same = site == "same-origin" if site else bool(origin) and urlsplit(origin).netloc == request.headers.get("Host")
    if not same:
        raise HTTPException(403, "A write from a page of this server, or with a token in the header, was expected.")


def body(form: type[Form]) -> Callable[..., Awaitable[Form]]:
    """The request's JSON as `form`, read only after the writer is known; 413 and 422 say what is wrong with it.

    FastAPI itself would read and judge a body before it asks who sent it.
    """

    async def read(request: Request, _: Writer) -> Form:
        kind = content_type(request)
        if kind != "application/json":
            raise HTTPException(422, f"Content-Type application/json was expected; found {kind[:80] or 'none'}.")
        data = await content(request, MAX_BODY_BYTES)
        try:
            return form.model_validate(json.loads(data, parse_constant=_no_number))
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
        except (ValueError, RecursionError) as error:
            raise HTTPException(422, f"JSON was expected; {str(error)[:200]}.") from None

    return read


def content_type(request: Request) -> str:
    """What the body is said to be, without parameters; empty where nothing is said."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def content(request: Request, most: int) -> bytes:
    """The request's body; 413 as soon as it is longer than `most` bytes."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise HTTPException(413, f"At most {most} bytes were expected.")
    return bytes(data)


def _writing(process: str) -> Callable[[Request, BaseUser], None]:
    return requires_access_dag("PUT", access_entity=DagAccessEntity.RUN, param_dag_id=dag_of(process))


def _exists(process: str) -> None:
    if process not in processes.names():
        raise HTTPException(404, f"There is no process {process[:80]!r}.")


def _no_number(text: str) -> float:
    raise ValueError(f"found {text}, which is no number")
