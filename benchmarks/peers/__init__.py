"""Programs of other people to measure against, in an environment of their own: they forbid versions that we need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = Path(__file__).parent
HOME = HERE.parents[1] / "var" / "peers"
PYTHON = HOME / ".venv" / "bin" / "python"
REQUIREMENTS = HERE / "requirements.txt"
_INSTALLED = HOME / "installed.txt"


class PeerMissingError(RuntimeError):
    """The peers' environment is not there and could not, or was not to be, built."""


class Peer:
    """A program in the peers' environment that does its work once for every line it is sent, and answers the seconds.

    Parameters
    ----------
    script
        A module of this folder, run as a file.
    arguments
        Paths of `.npy` files.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        command = [str(PYTHON), str(HERE / script), *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()  # it has fitted its reference

    def seconds(self) -> float:
        """Have it work once."""
        if self._process.stdin is None:
            raise RuntimeError("expected a pipe to the peer; found none")
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"expected an answer of the peer; it ended with {self._process.wait()}")
        return line.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def peer(script: str, *arguments: str, build: bool = True) -> Iterator[Peer]:
    """A peer that ends with the block; its environment is built first if it is not there or is out of date.

    Raises
    ------
    PeerMissingError
        If it cannot be built (no network), or `build` is not set.
    """
    install(build=build)
    with Peer(script, *arguments) as started:
        yield started


def install(*, build: bool = True) -> None:
    """Build the peers' environment if it is not there or is out of date.

    Raises
    ------
    PeerMissingError
        If it cannot be built (no network), or `build` is not set.
    """
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not _INSTALLED.exists() or _INSTALLED.read_text(encoding="utf-8") != wanted:
        if not build:
            raise PeerMissingError(f"{HOME} holds no peers: `make bench` without BENCH_SHORT builds them")
        _build(wanted)


def _build(wanted: str) -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS)]
    for command in ([sys.executable, "-m", "venv", "--clear", str(PYTHON.parents[1])], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise PeerMissingError(f"{' '.join(command)} failed: {said[-1] if said else 'it said nothing'}")
    _INSTALLED.write_text(wanted, encoding="utf-8")
