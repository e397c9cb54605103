"""Everything a step may touch."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from dq_pipeline.ports.ledger import Ledger
from dq_pipeline.ports.notices import Sender
from dq_pipeline.ports.stores import History, Lake, Notifier, Registry, Stream
from dq_pipeline.process import Process


class World(Protocol):
    """Everything a step may touch; :mod:`dq_pipeline.wiring` makes one from settings."""

    @property
    def stream(self) -> Stream: ...
    @property
    def lake(self) -> Lake: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def notifier(self) -> Notifier: ...
    @property
    def sender(self) -> Sender: ...
    def history(self, process: Process) -> History:
        """Where the process' past recordings are."""

    def process(self, name: str) -> Process:
        """The process' file as it is now. Raises ConfigurationError naming those there are."""

    def rehearsal(self, process: str, notifier: Notifier) -> AbstractContextManager[World]:
        """A copy of one process' world, gone at the end: streams, lake and ledger take what is written and keep it.

        People are told through `notifier`. Raises StateError while another rehearsal of the process is under way.
        """
