"""Tasks that keep a process trusted; :mod:`dq_airflow.tasks` offers them with the others."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import get_current_context

from dq_airflow import pools
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
