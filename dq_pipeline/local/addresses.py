"""Free ports on the loopback address: a taken one moves on to the next."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dq_pipeline.errors import ServerError

HOST = "127.0.0.1"
_TRIES = 500


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now.

    A connection of an earlier server that is still winding down (TIME_WAIT) does not count as taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return not answers(port)


def answers(port: int, host: str = HOST, timeout_s: float = 1.0) -> bool:
    """Whether something accepts TCP connections on `port`."""
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


@contextmanager
def reserve(
    preferred: Mapping[str, int], remembered: Mapping[str, int], held: Iterable[str] = ()
) -> Iterator[dict[str, int]]:
    """Choose one port per name; until the block ends no other checkout's `up` can choose the same.

    Parameters
    ----------
    preferred
        Name to the port to begin the search at.
    remembered
        What was chosen the last time: tried first, so that a restart keeps its addresses.
    held
        Names whose server is running: their remembered port stays.

    Raises
    ------
    ServerError
        No free port among the next 500.
    """
    held = set(held)
    with ExitStack() as stack:
        ports = {name: remembered[name] for name in preferred if name in held}
        for name, base in preferred.items():
            if name not in ports:
                ports[name] = _choose(name, remembered.get(name), base, set(ports.values()), stack)
        yield ports


def _choose(name: str, remembered: int | None, base: int, used: set[int], stack: ExitStack) -> int:
    candidates = ([remembered] if remembered else []) + list(range(base, min(base + _TRIES, 65536)))
    for port in candidates:
        if port not in used and is_free(port) and _lock(port, stack):
            return port
    raise ServerError(
        f"Expected a free port for {name} among {base} to {candidates[-1]}; found every one taken. "
        "Stop a server that is no longer needed."
    )


def _lock(port: int, stack: ExitStack) -> bool:
    """Hold a lock file for `port`: between choosing it and the server's listening nothing else marks it as taken."""
    folder = Path(tempfile.gettempdir()) / f"dq-pipeline-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = stack.enter_context((folder / str(port)).open("w"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
