"""The pages as those see them who use them: a client, a log-in, and reviews to judge."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dq_pipeline.wiring import World

ROLES = ("admin", "viewer")


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Site:
    """A running Airflow with the pages, and the world that it answers from."""

    url: str
    passwords: dict[str, str]
    world: World
    process: str
    idle: str
    batch: str
    incident: int
    tokens: dict[str, str] = field(default_factory=dict)
    _unused: Iterator[int] = field(default=iter(()))

    def ask(
        self,
        path: str,
        who: str | None = None,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        cookie: bool = False,
    ) -> Answer:
        """One request, as nobody, or with a role's token: in the header as programs do, or in the cookie."""
        sent = dict(headers or {})
        if who is not None:
            token = self.token(who)
            sent |= {"Cookie": f"_token={token}"} if cookie else {"Authorization": f"Bearer {token}"}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"{self.url}{path}", data, sent)
        try:
            with urllib.request.urlopen(request, timeout=120) as found:
                return Answer(found.status, found.read().decode(), dict(found.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), dict(error.headers))

    def token(self, who: str) -> str:
        """The role's token, from Airflow's own API."""
        if who not in self.tokens:
            body = {"username": who, "password": self.passwords[who]}
            self.tokens[who] = self.ask("/auth/token", None, body).json["access_token"]
        return self.tokens[who]

    def review(self) -> int:
        """A review that waits and that no other test judges."""
        return next(self._unused)

    def opinions(self, review: int) -> list[dict[str, Any]]:
        """What was said of a review, oldest first."""
        from dq_pipeline import steps

        found: list[dict[str, Any]] = steps.review(self.world, self.process, review)["opinions"]
        return found
