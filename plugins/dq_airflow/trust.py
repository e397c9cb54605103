"""Tasks that keep a process trusted, beside the loop: they read what it did, and raise what is wrong with it."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context

from dq_airflow import hooks, pools
from dq_airflow.reporting import reporting
from dq_airflow.step import step

log = logging.getLogger(__name__)
Result = dict[str, Any]


@step(pools.ANSWER)
def reconcile(process: str) -> Result:
    """Judge the contracts and the parity of the release; over the run's `first` and `stop`, where both are given."""
    from dq_pipeline import steps

    params = get_current_context()["params"]
    first, stop = params.get("first"), params.get("stop")
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
