"""What a write has to bring: a reason, and the token of the page that showed what would be done.

A token is bound to who saw the page, to the process, to what would be done and to how things stood; it holds for a day.
So nothing is written that nobody was shown, and a page that is out of date says so in place of doing something else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.configuration import conf
from fastapi import HTTPException
from pydantic import Field, StringConstraints

from dq_airflow.ui.labels import Strict
from dq_pipeline.records import WHY_CHARACTERS

HOLDS_S = 86_400.0
FEWEST = 3
"""Characters of a reason."""

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=FEWEST, max_length=WHY_CHARACTERS)]


class Confirmed(Strict):
    """What every confirmed write holds."""

    why: Why
    token: str = Field(min_length=8, max_length=200)


def issue(
    user: BaseUser, process: str, action: str, standing: Any = "", *, now: Callable[[], float] = time.time
) -> str:
    """A token for a page that offers `action` where things stand as `standing` says."""
    head = f"{secrets.token_urlsafe(9)}.{now():.0f}"
    return f"{head}.{_sign(head, user, process, action, standing)}"


def check(
    token: str, user: BaseUser, process: str, action: str, standing: Any = "", *, now: Callable[[], float] = time.time
) -> str:
    """The token's own name, the same each time it is sent.

    Raises
    ------
    HTTPException
        409 if it is no token of a page that showed this to this user within a day, as things stand now.
    """
    head, _, given = token.rpartition(".")
    name, _, at = head.partition(".")
    right = hmac.compare_digest(given.encode(), _sign(head, user, process, action, standing).encode())
    if not right or not at.isdecimal() or now() - int(at) > HOLDS_S:
        raise HTTPException(409, "Things have changed since this page was opened: load it again, then confirm.")
    return name


def _sign(head: str, user: BaseUser, process: str, action: str, standing: Any) -> str:
    key = conf.get_mandatory_value("api", "secret_key").encode()
    said = "\x00".join((head, user.get_name(), process, action, str(standing)))
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()[:40]
