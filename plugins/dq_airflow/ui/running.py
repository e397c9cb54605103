"""DAG runs that a page asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
from airflow.models import DagModel
from airflow.utils.types import DagRunTriggeredByType
from fastapi import HTTPException, Request


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was asked for; `new` is false where it had been before."""

    run_id: str
    new: bool
    paused: bool


def may_run(request: Request, user: BaseUser, dag: str) -> bool:
    """Whether a user may start runs of a DAG."""
    try:
        requires_access_dag("POST", access_entity=DagAccessEntity.RUN, param_dag_id=dag)(request, user)
    except HTTPException:
        return False
    return True


def start(dag: str, run_id: str, conf: dict[str, Any], who: str) -> Started:
    """Start a run; the same name twice is one run.

    Raises
    ------
    HTTPException
        409 if Airflow does not know the DAG, or refuses what it is to be run with.
    """
    new = True
    try:
        trigger_dag(
            dag_id=dag,
            run_id=run_id,
            conf=conf,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=who,
        )
    except DagRunAlreadyExists:
        new = False
    except DagNotFound:
        raise HTTPException(409, f"Airflow does not know the DAG {dag} yet: wait until it is parsed.") from None
    except (ParamValidationError, ValueError) as error:
        raise HTTPException(409, f"{dag} cannot be run: {str(error)[:200]}") from None
    known = DagModel.get_current(dag)
    return Started(run_id, new, paused=known is not None and bool(known.is_paused))
