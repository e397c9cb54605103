"""The trigger behind the sensor: it lives in the triggerer, so that waiting takes no worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from dq_airflow import hooks, processes
from dq_airflow.lookout import Look, Lookout

SAY_EVERY_S = 600.0


class MicroBatchTrigger(BaseTrigger):
    """Waits until the next micro-batch of a process is worth pulling. Consumes nothing.

    Parameters
    ----------
    process
        The process' name.
    ends_task
        Whether the task ends here, in the triggerer, with what was found as its result; else it goes on in a worker.
    poll_s
        Seconds between two looks.
    rest_s
        A wait ends after so long even if nothing came, so that no run outlives its DAG's version for ever.
    """

    def __init__(self, process: str, ends_task: bool = True, poll_s: float = 1.0, rest_s: float = 3600.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.process = process
        self.ends_task = ends_task
        self.poll_s = poll_s
        self.rest_s = rest_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        names = ("process", "ends_task", "poll_s", "rest_s")
        return "dq_airflow.triggers.MicroBatchTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look from a thread of its own, so that the triggerer's loop is never held up."""
        loop = asyncio.get_running_loop()
        threads = ThreadPoolExecutor(1, thread_name_prefix=f"dq-{self.process}")
        file = processes.folder() / f"{self.process}.yaml"
        lookout = Lookout(self.process, file, hooks.open_world, poll_s=self.poll_s)
        try:
            began, said, said_at = monotonic(), "", 0.0
            while True:
                look = await loop.run_in_executor(threads, lookout.look)
                if look.state != said or monotonic() - said_at > SAY_EVERY_S:
                    self.log.info("%s: %s (%s)", self.process, look.state, look.why)
                    said, said_at = look.state, monotonic()
                if look.verdict == "wait" and monotonic() - began > self.rest_s:
                    look = Look("renew", look.state, f"nothing to pull for {self.rest_s:.0f} s", 0.0)
                if look.verdict != "wait":
                    break
                await asyncio.sleep(look.pause_s)
        finally:
            threads.submit(lookout.close)
            threads.shutdown(wait=False)
        self.log.info("%s: %s (%s)", self.process, look.verdict, look.why)
        found = look.as_dict()
        if self.ends_task:
            yield TaskSuccessEvent(xcoms={"return_value": found})
        else:
            yield TriggerEvent(found)  # type: ignore[no-untyped-call]
