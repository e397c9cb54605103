"""A step as an Airflow task: a function with its pool and the assets it emits, until a DAG asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import structlog.contextvars
from airflow.sdk import task
from airflow.sdk.definitions.xcom_arg import XComArg

from dq_airflow import assets
from dq_pipeline.log_context import NAMES, about, heard_by


@dataclass(frozen=True)
class Step:
    """A task of ours: which function, in which pool, and which assets its success emits, or may emit."""

    function: Callable[..., Any]
    pool: str
    emits: tuple[assets.Kind, ...] = ()
    may_emit: tuple[assets.Kind, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def override(self, **options: Any) -> Step:
        """The same task with other operator arguments."""
        return replace(self, options={**self.options, **options})

    def __call__(self, process: str, *args: Any, **kwargs: Any) -> XComArg:
        """Add the task to the DAG being built; arguments are those of the function."""
        return self._task(process)(process, *args, **kwargs)  # type: ignore[no-any-return]

    def expand(self, process: str, **over: Any) -> XComArg:
        """One mapped task for each element of `over`."""
        return self._task(process).partial(process=process).expand(**over)  # type: ignore[no-any-return]

    def _task(self, process: str) -> Any:
        outlets: list[Any] = [assets.asset(process, kind) for kind in self.emits]
        outlets += [assets.now_and_then(process, kind) for kind in self.may_emit]
        return task(**{"pool": self.pool, "outlets": outlets, **self.options})(_named(self.function))


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose log lines name the process, and the micro-batch and the release once they are known."""

    @wraps(function)
    def run(process: str, *args: Any, **kwargs: Any) -> Any:
        heard_by(structlog.contextvars.bind_contextvars)  # Airflow writes what is bound there beside each line
        structlog.contextvars.unbind_contextvars(*NAMES)  # of the task before, where one process runs several
        with about(dq_process=process):  # bound until then: what Airflow says of a failure is about the same
            return function(process, *args, **kwargs)

    return run


def step(
    pool: str, *, emits: tuple[assets.Kind, ...] = (), may_emit: tuple[assets.Kind, ...] = (), **options: Any
) -> Callable[[Callable[..., Any]], Step]:
    """Make a :class:`Step` of a function."""
    return lambda function: Step(function, pool, emits, may_emit, options)
