"""Fetched releases on this machine: whole and verified, or not there."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from dq_pipeline.errors import DataError
from dq_pipeline.release.bundle import digest, verify


def sound(folder: Path, expected: str | None = None) -> bool:
    """Whether the folder holds a release (that with this digest, if given), every file as it was written."""
    try:
        verify(folder)
    except DataError:
        return False
    return expected is None or digest(folder) == expected


def only_copy(folder: Path, version: str) -> Path | None:
    """The one sound copy of a version in a process' folder; None if there is none or more than one."""
    copies = [copy for copy in folder.glob(f"{version}-*") if sound(copy)]
    return copies[0] if len(copies) == 1 else None


def keep(arrived: Path, folder: Path, expected: str) -> None:
    """Put a verified download in its place; another process may be doing the same."""
    if folder.exists():
        folder.rename(folder.with_name(f".broken-{uuid.uuid4().hex}"))
    try:
        arrived.rename(folder)
    except OSError:
        if not sound(folder, expected):
            raise
    for broken in folder.parent.glob(".broken-*"):
        shutil.rmtree(broken, ignore_errors=True)
