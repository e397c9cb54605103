"""Adaptation beside `dq run`: in a process of its own.

Not in a thread: XGBoost lets other threads run while it fits, but preparing features and calibrating the detector do
not, and a training that runs out of memory would take the stream with it. The child has a lower priority, its own
connections, and claims what it does in the ledger like any other run: killed anywhere, it is taken up again.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from dq_pipeline.settings import Settings
    from dq_pipeline.wiring import World

NICENESS = 5
STOP_S = 10.0


State = Literal["going on", "done", "failed"]


class Learner(Protocol):
    """What `dq run` needs of an adaptation that goes on beside it."""

    def poll(self, say: Callable[[str], None]) -> State:
        """Pass on what it said, and how it stands; not to be asked again once it ended."""
        ...

    def stop(self) -> None:
        """End it and let go of what it held."""
        ...


class Child:
    """One adaptation in a process of its own, as soon as it is made."""

    def __init__(self, world: World, process: str, holder: str) -> None:
        self._world, self._process, self._holder = world, process, f"{holder}:adapt"
        self._said, end = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("spawn")  # a fork would share this process' connections and threads
        arguments = (world.settings, process, self._holder, end)
        self._child = context.Process(target=_adapt, args=arguments, name=f"dq-adapt-{process}", daemon=True)
        self._child.start()
        end.close()

    def poll(self, say: Callable[[str], None]) -> State:
        alive = self._child.is_alive()  # asked before the pipe, so that no last word is lost
        with suppress(EOFError):
            while self._said.poll():
                say(self._said.recv())
        if alive:
            return "going on"
        code = self._child.exitcode
        self._child.close()
        if not code:
            return "done"
        say(f"{self._process}: the adaptation failed (exit code {code}); it is due again with the next micro-batch")
        self._let_go()
        return "failed"

    def stop(self) -> None:
        self._child.terminate()
        self._child.join(STOP_S)
        self._child.kill()
        self._child.join()
        self._child.close()
        self._let_go()

    def _let_go(self) -> None:
        from dq_pipeline import steps

        steps.let_go(self._world, self._process, self._holder)


def _adapt(settings: Settings, process: str, holder: str, said: Connection) -> None:
    """The child: everything it says goes through `said`."""
    from dq_pipeline import steps
    from dq_pipeline.wiring import open_world

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C reaches it too; whoever started it ends it
    os.nice(NICENESS)
    logging.getLogger("kafka").setLevel(logging.WARNING)

    def say(text: str) -> None:
        with suppress(BrokenPipeError):
            said.send(f"{process}: {text}")

    shown = {"": 0}

    def progress(done: int, total: int, what: str) -> None:
        if shown.setdefault(what, 0) == 0 or done == total:
            say(f"{what}: {done} of {total}")
        shown[what] = done

    with open_world(settings) as world:
        try:
            steps.adapt(world, process, holder=holder, say=say, progress=progress)
        except Exception as error:
            say(f"{type(error).__name__}: {error}")
            raise SystemExit(1) from error
