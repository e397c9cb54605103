"""What the sensor's trigger does between two sleeps: one look at a process, through whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dq_pipeline.errors import DataLossError, LedgerError, ProcessFileError, StreamError
from dq_pipeline.process_file import load

if TYPE_CHECKING:
    from dq_pipeline.ports import World
    from dq_pipeline.steps.readiness import Watch

RETRY_FIRST_S = 1.0
RETRY_MOST_S = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found.

    `verdict` ends the wait ("fire": there is something to pull; "renew": the process file changed, so that the next
    run must begin with it) or goes on with it after `pause_s` ("wait"). `state` changes rarely, `why` each time.
    """

    verdict: Literal["wait", "fire", "renew"]
    state: str
    why: str
    pause_s: float
    lag: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For XCom."""
        return {"fire": self.verdict == "fire", "state": self.state, "why": self.why, "lag": self.lag}


class Lookout:
    """Looks at one process from one thread; keeps one world, and opens another after a server was gone.

    Parameters
    ----------
    process
        The process' name.
    file
        Its process file.
    open_world
        Opens the world.
    poll_s
        Seconds between two looks where all is well.
    """

    def __init__(
        self, process: str, file: Path, open_world: Callable[[], AbstractContextManager[World]], *, poll_s: float
    ) -> None:
        self.process = process
        self.file = file
        self.poll_s = poll_s
        self._open_world = open_world
        self._open = ExitStack()
        self._watch: Watch | None = None
        self._settings = self._hash()
        self._failures = 0

    def look(self) -> Look:
        """Look once. Only servers that do not answer, and a bad process file, are waited for; all else is raised."""
        if (now := self._hash()) != self._settings:
            return self._changed(now)
        from sqlalchemy.exc import InterfaceError, OperationalError

        try:
            found = self._watching().look()
        except DataLossError:
            raise
        except ProcessFileError as error:
            return self._refused(error)
        except LedgerError as error:
            if not isinstance(error.__cause__, OperationalError):
                raise
            return self._unanswered(error)
        except (StreamError, OperationalError, InterfaceError, OSError) as error:
            return self._unanswered(error)
        self._failures = 0
        return Look("fire" if found.fire else "wait", found.state, found.why, self.poll_s, found.lag)

    def close(self) -> None:
        """Close the world, if one is open."""
        self._watch = None
        self._open.close()

    def _watching(self) -> Watch:
        if self._watch is None:
            from dq_pipeline.steps.readiness import Watch

            self._watch = Watch(self._open.enter_context(self._open_world()), self.process)
        return self._watch

    def _changed(self, settings: str) -> Look:
        try:
            load(self.file)
        except ProcessFileError as error:
            return self._refused(error)
        self._settings = settings
        return Look("renew", "settings changed", f"{self.file.name} changed: the next run begins with it", 0.0)

    def _refused(self, error: ProcessFileError) -> Look:
        return Look("wait", "process file refused", str(error), self.poll_s)

    def _unanswered(self, error: Exception) -> Look:
        self.close()
        pause_s = min(RETRY_FIRST_S * 2.0 ** min(self._failures, 20), RETRY_MOST_S)
        self._failures += 1
        why = f"{type(error).__name__}: {error}; looking again in {pause_s:.0f} s"
        return Look("wait", "a server does not answer", why, pause_s)

    def _hash(self) -> str:
        try:
            return sha256(self.file.read_bytes()).hexdigest()
        except OSError:
            return "unreadable"
