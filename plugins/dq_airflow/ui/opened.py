"""One world for the whole web server: opened at its first use, shared by the threads that answer requests."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from dq_airflow import hooks

if TYPE_CHECKING:
    from dq_pipeline.ports import World as PortsWorld
else:
    PortsWorld = object

log = logging.getLogger(__name__)

WARM = (
    "numpy",
    "pandas",
    "xgboost",
    "psycopg2.extras",
    "sqlalchemy.dialects.postgresql",
    "mlflow.tracking.request_header.registry",
    "dq_pipeline.wiring",
    "dq_pipeline.adapters.lake",
    "dq_pipeline.adapters.ledger",
    "dq_pipeline.adapters.mlflow_registry",
    "dq_pipeline.steps",
)


class Opened:
    """Opens lazily, closes once; a failed opening is tried again by the next request."""

    def __init__(self, open_world: Callable[[], AbstractContextManager[PortsWorld]] = hooks.open_world) -> None:
        self._open = open_world
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._world: PortsWorld | None = None

    def world(self) -> PortsWorld:
        """The world, connected to where its settings and Airflow's Connections said at the first use."""
        with self._lock:
            if self._world is None:
                self._world = self._stack.enter_context(self._open())
            return self._world

    def warm(self) -> None:
        """Import what answers need, so that the first reader does not wait for it; errors are the first reader's."""
        try:
            for name in WARM:
                importlib.import_module(name)
        except ImportError:
            log.exception("The pages' modules could not be imported; the pages will say the same")

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            self._stack.close()
            self._world = None


def _world(request: Request) -> PortsWorld:
    opened: Opened = request.app.state.opened
    return opened.world()


World = Annotated[PortsWorld, Depends(_world)]
