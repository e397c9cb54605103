"""Detectors of other libraries, each in a process of its own in the peers' environment.

They are asked by a line of JSON and answer with one; arrays go through `.npy` files. Nothing is installed here:
`python -m benchmarks.peers` builds the environment in a checkout.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DQError
from dq_pipeline.experiments.detection.protocol import Raised, Watched
from dq_pipeline.experiments.detection.streams import BEFORE, Case

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ROOT / "benchmarks" / "peers"
PYTHON = ROOT / "var" / "peers" / ".venv" / "bin" / "python"
Floats = NDArray[np.float64]


class PeerMissingError(DQError):
    """A peer that is not installed, or that ended before it answered."""


class Peer:
    """A program of `benchmarks/peers` that answers requests until the block ends.

    Parameters
    ----------
    program, argument
        The file, and which peer of it.

    Raises
    ------
    PeerMissingError
        If the environment, the program or its library is not there.
    """

    def __init__(self, program: str, argument: str) -> None:
        if not PYTHON.exists() or not (PROGRAMS / program).exists():
            raise PeerMissingError("not installed: `python -m benchmarks.peers` builds the peers' environment")
        command = [str(PYTHON), str(PROGRAMS / program), argument]
        self._folder = tempfile.TemporaryDirectory(prefix="dq-peer-")
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        try:
            self.version = " ".join(f"{name} {number}" for name, number in self._line().items())
        except PeerMissingError:
            self.close()
            raise

    def ask(self, arrays: Mapping[str, Floats], **settings: Any) -> dict[str, Any]:
        """One answer to arrays and settings."""
        request = dict(settings)
        for name, array in arrays.items():
            request[name] = str(Path(self._folder.name) / f"{name}.npy")
            np.save(request[name], array)
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()
            raise PeerMissingError(f"an answer expected, it ended: {said[-1] if said else 'it said nothing'}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the program and remove its files."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Columns:
    """A detector of single series on the mean and the sd of every sensor's samples, in a process of its own."""

    name: str
    peer: Peer
    thresholds: tuple[float, ...]
    turn: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, case: Case, thresholds: Sequence[float]) -> list[Watched]:
        """See :class:`dq_pipeline.experiments.detection.protocol.Contender`."""
        known = columns(case.reference)
        center, scale = known.mean(axis=0), known.std(axis=0)
        arrays = {
            "reference": (known - center) / scale,
            "quiet": (columns(case.quiet) - center) / scale,
            "changed": np.array([(columns(one) - center) / scale for one in case.changed]),
        }
        with self.turn:
            answer = self.peer.ask(arrays, thresholds=list(thresholds), before=BEFORE)
        return [
            Watched(
                one["alarms"], tuple(Raised(*raised) if raised else None for raised in one["first"]), one["seconds"]
            )
            for one in answer["watched"]
        ]


def columns(values: Floats) -> Floats:
    """Mean and standard deviation (n, 2f) of every sample and sensor (n, T, f) over what was read."""
    return np.concatenate([np.nanmean(values, axis=1), np.nanstd(values, axis=1)], axis=1)


RIVER: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "river ADWIN": ("adwin", tuple(np.arange(1.0, 7.1, 0.75).tolist())),
    "river Page-Hinkley": ("page_hinkley", tuple(np.geomspace(15.0, 300.0, 16).tolist())),
    "river Page-Hinkley, delta 0.25": ("page_hinkley_0.25", tuple(np.geomspace(6.0, 60.0, 16).tolist())),
    "river KSWIN": ("kswin", tuple(np.arange(1.5, 9.1, 0.25).tolist())),
}
"""Arguments and the thresholds tried: -log10 of ADWIN's delta and of KSWIN's p-value, Page-Hinkley's lambda."""
