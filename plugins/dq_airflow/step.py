"""A step as an Airflow task: a function with its pool and the assets it emits, until a DAG asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow.sdk import task
from airflow.sdk.definitions.xcom_arg import XComArg

from dq_airflow import assets


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
        return task(**{"pool": self.pool, "outlets": outlets, **self.options})(self.function)


def step(
    pool: str, *, emits: tuple[assets.Kind, ...] = (), may_emit: tuple[assets.Kind, ...] = (), **options: Any
) -> Callable[[Callable[..., Any]], Step]:
    """Make a :class:`Step` of a function."""
    return lambda function: Step(function, pool, emits, may_emit, options)
