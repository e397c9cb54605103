"""A step's log lines name what they are about, in Airflow's own form."""

from __future__ import annotations

import inspect
import logging

import pytest
import structlog

from dq_airflow import step as module
from dq_airflow import tasks
from dq_airflow.step import Step
from dq_pipeline.log_context import NAMES, note


def work(process: str, pulled: dict[str, str]) -> str:
    """Stands for a step."""
    note(dq_batch=pulled["batch_id"], dq_release="3")
    logging.getLogger("dq_pipeline.work").warning("at work")
    return process


def test_lines_of_a_task_name_process_batch_and_release(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[dict[str, str]] = []

    class Beside(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = {"event": record.getMessage()}
            shown.append(structlog.contextvars.merge_contextvars(None, "", event))  # as Airflow's own chain does

    handler = Beside()
    logging.getLogger("dq_pipeline.work").addHandler(handler)
    try:
        assert module._named(work)("pump", pulled={"batch_id": "b7"}) == "pump"
    finally:
        logging.getLogger("dq_pipeline.work").removeHandler(handler)
    assert shown == [{"event": "at work", "dq_process": "pump", "dq_batch": "b7", "dq_release": "3"}]
    assert structlog.contextvars.get_contextvars()["dq_batch"] == "b7", "what Airflow says of a failure is about it"
    module._named(str.upper)("other")
    found = structlog.contextvars.get_contextvars()
    assert {name: found[name] for name in NAMES if name in found} == {"dq_process": "other"}
    structlog.contextvars.unbind_contextvars(*NAMES)


def test_a_named_function_is_still_the_function() -> None:
    step = tasks.assess
    assert isinstance(step, Step)
    named = module._named(step.function)
    assert inspect.signature(named) == inspect.signature(step.function)
    assert (named.__name__, named.__doc__) == ("assess", step.function.__doc__)
