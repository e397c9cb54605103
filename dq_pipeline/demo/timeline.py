"""Where a demo's time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timeline:
    """Seconds by phase, in the order the phases began; phases may overlap."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._phases: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        began = time.monotonic()
        self._phases.setdefault(name, 0.0)
        try:
            yield
        finally:
            self._phases[name] += time.monotonic() - began

    def as_dict(self) -> dict[str, float]:
        """Seconds by phase."""
        return {name: round(seconds, 1) for name, seconds in self._phases.items()}
