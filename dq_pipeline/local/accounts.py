"""The account that runs PostgreSQL, which refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dq_pipeline.errors import ServerError

# Run as root; enters the folder first, because the account may be unable to look into the current one.
_LEAVE_ROOT = (
    "import os, sys; folder, uid, gid, *argv = sys.argv[1:]; os.chdir(folder); "
    "os.setgroups([]); os.setgid(int(gid)); os.setuid(int(uid)); os.execv(argv[0], argv)"
)


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account, in place of root."""

    uid: int
    gid: int

    def command(self, folder: Path, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` as this account in `folder`; for root to run."""
        return [sys.executable, "-I", "-S", "-c", _LEAVE_ROOT, str(folder), str(self.uid), str(self.gid), *argv]

    def can_enter(self, folder: Path) -> bool:
        """Whether the account may look into `folder`: each folder above it must let strangers pass."""
        folder = folder.resolve()
        return all(self._may_pass(path) for path in (folder, *folder.parents))

    def own(self, folder: Path) -> None:
        """Give the folder and what is in it to this account."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def _may_pass(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH))


def unprivileged() -> Account | None:
    """``nobody`` when this process is root; ``None`` for an ordinary user, who needs no other account."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def folder_open_to(account: Account, prefix: str) -> Path:
    """A new temporary folder that the account owns and can reach."""
    for place in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")):
        if place.is_dir() and account.can_enter(place):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
            account.own(folder)
            return folder
    raise ServerError(
        f"Expected a temporary folder that user {account.uid} can enter (PostgreSQL cannot run as root); "
        "found none. Run as an ordinary user."
    )
