"""A run of the deployment in a process of its own that is killed with SIGKILL before or after one call of a port."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

from dq_pipeline import steps
from dq_pipeline.settings import Settings
from dq_pipeline.wiring import World, open_world

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "dq_pipeline.steps",
        "dq_pipeline.adapters.kafka",
        "dq_pipeline.adapters.ledger",
        "dq_pipeline.adapters.mlflow_registry",
        "mlflow.tracking",
        "xgboost",
        __name__,
    ]
)


def run_killed(settings: Settings, process: str, holder: str, port: str, method: str, when: str) -> int | None:
    """Run until killed; returns the exit code, minus the signal's number."""
    child = _SERVER.Process(target=_run, args=(settings, process, holder, port, method, when))
    child.start()
    child.join(120)
    child.kill()
    return child.exitcode


def _run(settings: Settings, process: str, holder: str, port: str, method: str, when: str) -> None:
    with open_world(settings) as world:
        _arm(world, port, method, when)
        pulled = steps.pull(world, process, holder=holder)
        assert pulled is not None
        steps.assess(world, process, batch_id=pulled["batch_id"], holder=holder)
        steps.act(world, process, batch_id=pulled["batch_id"], holder=holder)


def _arm(world: World, port: str, method: str, when: str) -> None:
    """Replace a method of an adapter by one that kills the process `when` says: before or after its n-th call."""
    adapter = getattr(world, port)
    real = getattr(adapter, method)
    moment, _, nth = when.partition("-")
    calls = int(nth or 1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls -= 1
        if calls == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args, **kwargs)
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(adapter, method, deadly)  # the deferred adapter's own attribute hides the real one
