"""Assets that a DAG of anyone's can be scheduled on: `dq://<process>/release`, `drift`, `due`, `labels`, `incident`.

A task that succeeds emits all of its assets. Where something happens only now and then, the outlet is an alias of
the same name, and the task adds the asset to it when it really happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from airflow.sdk import Context

Kind = Literal["release", "drift", "due", "labels", "incident"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def asset(process: str, kind: Kind) -> Asset:
    """The asset to schedule a DAG on.

    Examples
    --------
    >>> asset("vacuum", "drift").uri
    'dq://vacuum/drift'
    """
    uri = f"dq://{process}/{kind}"
    return Asset(name=uri, uri=uri, group="dq")


def now_and_then(process: str, kind: Kind) -> AssetAlias:
    """The outlet of a task that emits this asset only when :func:`emit` is called."""
    return AssetAlias(name=f"dq://{process}/{kind}", group="dq")


def emit(context: Context, process: str, kind: Kind, extra: dict[str, Any]) -> None:
    """It happened: the asset's event is recorded when the task succeeds, with `extra`."""
    context["outlet_events"][now_and_then(process, kind)].add(asset(process, kind), extra=extra)


def describe(context: Context, process: str, kind: Kind, extra: dict[str, Any]) -> None:
    """Give the event of a certain outlet its `extra`."""
    context["outlet_events"][asset(process, kind)].extra.update(extra)
