"""Tasks that keep a process trusted; :mod:`dq_airflow.tasks` offers them with the others."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dq_airflow import hooks, pools
from dq_airflow.reporting import reporting
from dq_airflow.step import step

log = logging.getLogger(__name__)


@step(pools.ANSWER, may_emit=("incident",))
def triage(process: str) -> dict[str, Any]:
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
def drill(process: str) -> dict[str, Any]:
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


def _say(done: int, total: int, what: str) -> None:
    log.info("%s: %d of %d", what, done, total)
