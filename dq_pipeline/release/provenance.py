"""Which packages a release was made with."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import distributions


@cache
def lock_hash() -> str:
    """SHA-256 over name and version of everything installed: what the lock file came to on this machine."""
    names = sorted({f"{d.metadata['Name']}=={d.version}".lower() for d in distributions()})
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
