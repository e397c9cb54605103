"""Incidents that the ledger tells of while a task runs, as asset events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dq_airflow import assets, hooks

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dq_pipeline.ports import World
    from dq_pipeline.records import Notice


@contextmanager
def reporting(context: Context, process: str) -> Iterator[World]:
    """The world for a task in which the ledger tells of incidents: they are emitted as an asset event too."""
    told: list[Notice] = []
    with hooks.open_world(told) as world:
        yield world
    if told:
        assets.emit(context, process, "incident", {"incidents": [notice.title for notice in told]})
