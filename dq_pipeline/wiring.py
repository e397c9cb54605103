"""The one place that turns settings into adapters."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from dq_pipeline import process_file
from dq_pipeline.errors import ConfigurationError, ProcessFileError
from dq_pipeline.process import Process
from dq_pipeline.settings import Settings

if TYPE_CHECKING:
    from dq_pipeline.adapters.kafka import KafkaStream
    from dq_pipeline.adapters.lake import FsspecLake
    from dq_pipeline.adapters.ledger import PostgresLedger
    from dq_pipeline.adapters.mlflow_registry import MlflowRegistry
    from dq_pipeline.adapters.notify import LedgerNotifier
    from dq_pipeline.adapters.sender import AppriseSender
    from dq_pipeline.ports import History, Notifier
    from dq_pipeline.records import Dispatch


@dataclass(frozen=True, slots=True)
class World:
    """:class:`dq_pipeline.ports.World`: everything a step may touch.

    Examples
    --------
    >>> with open_world(Settings.resolve(environ={})) as world:  # connects to nothing yet
    ...     world.process("nothing")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    dq_pipeline.errors.ConfigurationError: Unknown process 'nothing'. ...
    """

    settings: Settings
    stream: KafkaStream
    lake: FsspecLake
    ledger: PostgresLedger
    registry: MlflowRegistry
    notifier: LedgerNotifier
    sender: AppriseSender
    _read: dict[str, tuple[tuple[int, int], Process]] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def variables(self) -> Mapping[str, str]:
        """What `${NAME}` in a process file's history stands for."""
        return self.settings.variables

    @property
    def processes(self) -> dict[str, Process]:
        """The processes whose file is valid, by name."""
        return process_file.load_all(self.settings.process_dir)[0]

    @property
    def broken(self) -> dict[str, ProcessFileError]:
        """What is wrong with the other process files, by file."""
        return process_file.load_all(self.settings.process_dir)[1]

    def process(self, name: str) -> Process:
        """The process' file as it is now.

        Raises
        ------
        ProcessFileError
            Its file is wrong.
        ConfigurationError
            There is no such file; names those there are.
        """
        folder = self.settings.process_dir
        known = sorted(path.stem for path in folder.glob("*.yaml"))
        if name not in known:
            raise ConfigurationError(
                f"Unknown process {name!r}. In {folder}: {', '.join(known) or 'none'}. "
                "Add its file there, or set DQ_PROCESS_DIR to the folder that holds it."
            )
        file = folder / f"{name}.yaml"
        found = file.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        read = self._read.get(name)
        if read is None or read[0] != stamp:
            read = self._read[name] = (stamp, process_file.load(file))
        return read[1]

    def history(self, process: Process) -> History:
        """Where the process' past recordings are.

        `history.connection` names the variable ``DQ_CONNECTION_<NAME>`` that holds a SQLAlchemy URL; a table or query
        without one is looked for in the platform's own database.

        Raises
        ------
        ConfigurationError
            The connection is not set, or the source is not as the process file says.
        """
        from dq_pipeline.adapters.history import open_history

        url = self.settings.database_url.get_secret_value()
        if process.history.connection is not None:
            variable = f"DQ_CONNECTION_{process.history.connection.upper()}"
            url = os.environ.get(variable, "")
            if not url:
                raise ConfigurationError(
                    f"history.connection of {process.name} is {process.history.connection!r}: expected a SQLAlchemy "
                    f"URL in the environment variable {variable}, found nothing"
                )
        return open_history(process, self.variables, url)

    @contextmanager
    def rehearsal(self, process: str, notifier: Notifier) -> Iterator[World]:
        """A copy of one process' world, gone at the end; see :meth:`dq_pipeline.ports.World.rehearsal`.

        Raises
        ------
        StateError
            Another rehearsal of the process is under way.
        """
        from functools import partial
        from tempfile import TemporaryDirectory

        from dq_pipeline.adapters.ledger.rehearsal import RehearsalLedger
        from dq_pipeline.adapters.rehearsal import MemoryStream, OverlaidLake, ReadOnlyRegistry

        ledger = RehearsalLedger(self.settings.database_url.get_secret_value(), process)
        try:
            with ledger.copied(), TemporaryDirectory(prefix="dq-rehearsal-") as folder:
                yield replace(
                    self,
                    stream=cast("KafkaStream", MemoryStream(partial(ledger.positions, process))),
                    lake=cast("FsspecLake", OverlaidLake(self.lake, Path(folder))),
                    ledger=ledger,
                    registry=cast("MlflowRegistry", ReadOnlyRegistry(self.registry)),
                    notifier=cast("LedgerNotifier", notifier),
                    sender=cast("AppriseSender", _Nowhere()),
                )
        finally:
            ledger.close()

    def close(self) -> None:
        """Close the connections that were opened; a later use opens them again."""
        for adapter in (self.stream, self.ledger):
            if isinstance(adapter, _Deferred):
                adapter.forget()
            else:
                adapter.close()


def open_world(settings: Settings, lookup: Callable[[str], str] | None = None) -> World:
    """The adapters that these settings name. Nothing heavy is imported and nothing connects before its first use.

    Parameters
    ----------
    lookup
        Says the address of people behind a name that the environment has none for; empty where it has none either.
    """
    ledger = cast("PostgresLedger", _Deferred(lambda: _ledger(settings.database_url.get_secret_value())))
    return World(
        settings=settings,
        stream=cast("KafkaStream", _Deferred(lambda: _stream(settings))),
        lake=cast("FsspecLake", _Deferred(lambda: _lake(settings.lake_uri))),
        ledger=ledger,
        registry=cast("MlflowRegistry", _Deferred(lambda: _registry(settings.mlflow_tracking_uri, settings.cache_dir))),
        notifier=cast("LedgerNotifier", _Deferred(lambda: _notifier(ledger))),
        sender=cast("AppriseSender", _Deferred(lambda: _sender(settings, lookup))),
    )


class _Deferred:
    """Stands for an adapter until its first use; a forked process, which must not share connections, makes its own."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._pid = -1
        self._made: Any = None
        self._inherited: list[Any] = []
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # nobody looks those up on an adapter; a copier or debugger must not connect
            raise AttributeError(name)
        if self._pid != os.getpid():
            if self._pid != -1:
                self._lock = threading.Lock()  # the parent may have held it when it forked
            with self._lock:
                if self._pid != os.getpid():
                    self._inherited.append(self._made)  # finalizing it here would disturb the parent
                    self._made, self._pid = self._make(), os.getpid()
        return getattr(self._made, name)

    def forget(self) -> None:
        """Close the adapter if this process made one."""
        if self._pid == os.getpid():
            self._made.close()


def _stream(settings: Settings) -> KafkaStream:
    from dq_pipeline.adapters.kafka import KafkaStream

    return KafkaStream(
        settings.kafka_bootstrap_servers, security=settings.kafka_security, timeout_s=settings.kafka_timeout_s
    )


def _lake(uri: str) -> FsspecLake:
    from dq_pipeline.adapters.lake import FsspecLake

    return FsspecLake(uri)


def _ledger(database_url: str) -> PostgresLedger:
    from dq_pipeline.adapters.ledger import PostgresLedger

    return PostgresLedger(database_url)


def _registry(tracking_uri: str, cache_dir: Path) -> MlflowRegistry:
    from dq_pipeline.adapters.mlflow_registry import MlflowRegistry

    return MlflowRegistry(tracking_uri, cache_dir)


def _notifier(ledger: PostgresLedger) -> LedgerNotifier:
    from dq_pipeline.adapters.notify import LedgerNotifier

    return LedgerNotifier(ledger)


def _sender(settings: Settings, lookup: Callable[[str], str] | None) -> AppriseSender:
    from dq_pipeline.adapters.sender import AppriseSender

    def address(name: str) -> tuple[str, str]:
        variable = f"DQ_ALERTS_{name.upper()}"
        found = os.environ.get(variable, "").strip()
        if found or lookup is None:
            return found, f"environment {variable}"
        return lookup(name).strip(), f"environment {variable} or Airflow Connection dq_alerts_{name}"

    airflow = settings.airflow_url
    return AppriseSender(address, settings.page_url or (f"{airflow}/dq" if airflow else ""))


class _Nowhere:
    """Stands for the sender in a rehearsal, of which nobody outside hears."""

    page_url = ""

    def check(self, address: str) -> None:
        """Raises ConfigurationError always."""
        raise ConfigurationError(f"a rehearsal sends nothing, and nothing to {address!r}")

    def send(self, dispatches: Sequence[Dispatch], *, limit_s: float) -> Sequence[str | None]:  # noqa: ARG002
        """Try nothing."""
        return [None] * len(dispatches)

    def guidance(self, runbook: str) -> tuple[str, str]:  # noqa: ARG002
        """Nothing."""
        return "", ""
