"""What one `var` folder remembers between two starts: ports, secrets, and which processes are its own."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Record:
    """The content of ``run/record.json``.

    Attributes
    ----------
    token
        Names this folder's processes (environment variable ``DQ_STACK``) and guards the supervisor.
    ports
        The port of each server, by name.
    session
        Process id and creation time (seconds since the epoch) of the supervisor; ``None`` before the first start.
    postgres_home
        Where PostgreSQL's data are when they cannot be in `var`.
    """

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    database_password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    airflow_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    viewer_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    fernet_key: str = field(default_factory=lambda: base64.urlsafe_b64encode(os.urandom(32)).decode())
    ports: dict[str, int] = field(default_factory=dict)
    session: tuple[int, float] | None = None
    postgres_home: str | None = None

    @classmethod
    def load(cls, var: Path) -> Record:
        """Read the folder's record; a fresh one, with new secrets, where there is none."""
        try:
            values = json.loads((var / "run" / "record.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        session = values.pop("session")
        return cls(**values, session=(session[0], session[1]) if session else None)

    def save(self, var: Path) -> None:
        """Write the record, readable by its owner alone."""
        write_private(var / "run" / "record.json", json.dumps(asdict(self), indent=2) + "\n")


def write_private(file: Path, text: str) -> None:
    """Replace `file` in one step, so that a kill leaves the old or the new; mode 0600."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)
