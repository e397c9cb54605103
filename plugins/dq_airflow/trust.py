"""Tasks that keep a process trusted, beside the loop: they read what it did, and raise what is wrong with it."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dq_airflow import hooks, pools
from dq_airflow.reporting import reporting
from dq_airflow.step import step

log = logging.getLogger(__name__)
Result = dict[str, Any]


@step(pools.ANSWER)
def reconcile(process: str) -> Result:
    """Judge the contracts and the parity of the release; over the run's `first` and `stop`, where they are given."""
    from dq_pipeline import steps
    from dq_pipeline.errors import StateError

    params = get_current_context()["params"]
    first, stop = params.get("first"), params.get("stop")
    if (first is None) != (stop is None):
        raise StateError(f"{process}: `first` and `stop` expected together, or neither; found {first} and {stop}")
    window = None if first is None or stop is None else (int(first), int(stop))
    with hooks.open_world() as world:
        found = steps.reconcile(world, process, window=window)
    for one in found.pop("results"):
        log.info("%s %s: %s, %s", one["contract"], one["slice"], one["verdict"], one["detail"].get("why", ""))
    return found


@step(pools.ANSWER)
def audit(process: str) -> Result:
    """Compare every sensor with its reference, the others and itself; raise what is at fault, clear what is well."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        if world.ledger.production(process) is None:
            return {}
        found = steps.audit(world, process)
    for one in found.pop("findings"):
        if one["fault"] != "none":
            log.info("%s: %s, %s", one["sensor"], one["fault"], one["text"])
    return found


@step(pools.ANSWER, may_emit=("incident",))
def triage(process: str) -> Result:
    """Put what is open and unexplained down to its causes; new incidents are an asset event.

    A rollback that comes of it is done by the deployment's next `decide`. Before there is a release it does nothing.
    """
    from dq_pipeline import steps

    with reporting(get_current_context(), process) as world:
        if world.ledger.production(process) is None:
            return {"process": process, "branch": "nothing", "incidents": []}
        found = steps.triage(world, process)
    log.info("%s: %d open incidents; %s", process, len(found["incidents"]), found["why"] or found["branch"])
    return {**found, "incidents": [f"{one['id']}: {one['title']}" for one in found["incidents"]]}


@step(pools.LEARN)
def drill(process: str) -> Result:
    """Run the drill that the run's parameters ask for; without a release in Production, say so and skip."""
    from dq_pipeline import steps

    context = get_current_context()
    given = {name: context["params"].get(name) for name in ("fault", "severity", "sensor")}
    with hooks.open_world() as world:
        if world.ledger.production(process) is None:
            raise AirflowSkipException(f"{process} has no release in Production yet: run {process}_initialization")
        drilled = steps.drill(world, process, key=context["run_id"], progress=_say, **given)
    log.info("%s: drill of %s: %s", process, drilled["fault"], drilled["verdict"])
    return drilled


@step(pools.ANSWER, may_emit=("incident",))
def watch(process: str) -> Result:
    """Look for a loop that is sick, a stream that is silent; raise and clear alerts, each told once."""
    from dq_pipeline import steps

    with reporting(get_current_context(), process) as world:
        found = steps.watch(world, process)
    log.info("%s: %s", process, found["why"] or f"{found['sick']} of {len(found['signs'])} signs are sick")
    for sign in found["signs"]:
        log.info("%s: %s, %s", sign["kind"], sign["verdict"], sign["text"])
    return {name: found[name] for name in ("process", "alerts", "raised", "cleared", "due")}


@step(pools.ANSWER)
def deliver(process: str) -> Result:
    """Send the notices that are due, as `alerts` of the process file says; those that failed before too."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        return steps.deliver(world, process)


def _say(done: int, total: int, what: str) -> None:
    log.info("%s: %d of %d", what, done, total)
