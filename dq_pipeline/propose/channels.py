"""Categorical sensors for columns of text with few values that change while a recording runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from dq_pipeline.encode.categories import Categories
from dq_pipeline.propose.layout import Layout
from dq_pipeline.propose.overview import MAX_CLASSES, Column, Floats
from dq_pipeline.propose.sensors import identifier

_CHANGING = 0.05
"""Share of the recordings within which a categorical sensor changes; text that does less is metadata."""


@dataclass(frozen=True, slots=True)
class ProposedChannel:
    """One entry of `encoded`."""

    name: str
    column: str
    categories: tuple[str, ...]


def is_categorical(column: Column, layout: Layout, sample: Floats | None) -> bool:
    """Whether a column of text is a categorical sensor.

    Parameters
    ----------
    sample
        The head of the column that tells recordings apart; None: windows are cut.
    """
    if column.kind != "text" or column.constant or len(column.values) > MAX_CLASSES:
        return False
    code = np.arange(len(column.head)) // layout.rows if sample is None else sample
    there = ~np.isnan(column.head)
    code, head = np.unique(code[there], return_inverse=True)[1], column.head[there]
    if not head.size:
        return False
    lowest, highest = np.full(code.max() + 1, np.inf), np.full(code.max() + 1, -np.inf)
    np.minimum.at(lowest, code, head)
    np.maximum.at(highest, code, head)
    return bool((lowest < highest).mean() >= _CHANGING)


def propose_channels(columns: Iterable[Column], taken: Collection[str]) -> list[ProposedChannel]:
    """One categorical sensor for each column.

    Parameters
    ----------
    taken
        Names of the sensors, and of all the table's columns.
    """
    found: list[ProposedChannel] = []
    known = set(taken)
    for column in columns:
        categories = tuple(value for value in column.values if value)
        made = [entry.name for entry in Categories(categories=categories).columns]
        name, number = identifier(column.name), 1
        while (name != column.name and name in known) or any(f"{name}_{one}" in known for one in made):
            number += 1
            name = f"{identifier(column.name)}_{number}"
        known.update((name, *(f"{name}_{one}" for one in made)))
        found.append(ProposedChannel(name, column.name, categories))
    return found
