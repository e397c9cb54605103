"""Assets that a DAG of anyone's can be scheduled on: `dq://<process>/release`, `drift`, `due`, `labels`, `reviews`,
`incident`.

A task that succeeds emits all of its assets. Where something happens only now and then, the outlet is an alias of
the same name, and the task adds the asset to it when it really happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from airflow.sdk import Context

Kind = Literal["release", "drift", "due", "labels", "reviews", "incident"]
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


def announce(process: str, kind: Kind, extra: dict[str, Any]) -> bool:
    """It happened, outside of any task: for a route of the API server, which has Airflow's database at hand.

    Returns
    -------
    bool
        False where Airflow does not know the asset yet: no DAG that names it has been parsed, so nothing waits for it.
    """
    from airflow.assets.manager import asset_manager
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = asset(process, kind)
    with create_session() as session:
        known = session.scalar(select(AssetModel).where(AssetModel.name == wanted.name, AssetModel.uri == wanted.uri))
        if known is None:
            return False
        event = asset_manager.register_asset_change(asset=known, extra=extra, source_is_api=True, session=session)
        return event is not None
