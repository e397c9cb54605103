"""What an experiment is asked, what it answers, and which there are."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dq_pipeline.errors import ConfigurationError

Cell = str | int | float | bool | None
"""Of a table; None where nothing was measured."""
Report = Callable[[int, int, str], None]
"""Called with how much is done, of how much, of what."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How an experiment is to be made.

    Attributes
    ----------
    quick
        Few samples and seeds: shows that it works, and proves no figure.
    process_dir
        Where the process files are.
    variables
        What stands for `${DQ_DATA_DIR}` and others in the files' URIs; without a data folder the recorded processes are
        left out.
    """

    quick: bool
    process_dir: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    report: Report = lambda *_: None


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes
    ----------
    name
        Its key in the results: `<experiment>/<table>`.
    note
        How it was made, and in what it differs from a published setting; plain sentences.
    rows
        Mappings with the same keys, which are the columns' titles; the unit stands in the title.
    """

    name: str
    title: str
    note: str
    rows: tuple[Mapping[str, Cell], ...]

    def __post_init__(self) -> None:
        heads = {tuple(row) for row in self.rows}
        if len(heads) != 1:
            raise ValueError(f"{self.name}: rows of the same columns expected, found {sorted(heads)}")


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of plotly: a mapping with `data` and `layout`."""

    name: str
    figure: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that an experiment is meant to reach.

    Attributes
    ----------
    against
        What it is measured against.
    most
        Whether the bar is the most it may be, and not the least.
    """

    claim: str
    value: float
    unit: str
    against: str
    bar: float
    most: bool = False

    @property
    def holds(self) -> bool:
        """False also where nothing was measured."""
        return bool(self.value <= self.bar) if self.most else bool(self.value >= self.bar)


BARS = "bars"
"""Last part of the name of a table of bars; each of its rows is evidence."""


def bars(experiment: str, title: str, note: str, found: Sequence[Bar]) -> Table:
    """The table of an experiment's bars."""
    rows = tuple(
        {
            "claim": one.claim,
            "measured": rounded(one.value),
            "unit": one.unit,
            "against": one.against,
            "bar": f"at {'most' if one.most else 'least'} {one.bar:g}",
            "holds": one.holds,
        }
        for one in found
    )
    return Table(f"{experiment}/{BARS}", title, note, rows)


Answer = Sequence[Table | Plot]
Experiment = Callable[[Asked], Answer]

EXPERIMENTS: Mapping[str, str] = MappingProxyType(
    {
        "paper": "The three experiments of arXiv 2512.19723",
        "thresholds": "Does one quality threshold serve everybody?",
        "annotation": "Wrong labels of quality",
        "sparse": "Recordings of few rows",
        "channels": "Channels that are no numbers: categories, lines of a log, small images",
        "cost": "What a long stream costs",
        "speed": "A window's drift and profile, beside other libraries",
        "detectors": "Faults and drifts injected: our detectors of drift and the peers'",
    }
)
"""Experiments in the order of the report: modules of this package with a function `run`, and what each is about."""


def experiment(name: str) -> Experiment:
    """An experiment by name.

    Raises
    ------
    ConfigurationError
        If there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise ConfigurationError(f"An experiment of {', '.join(EXPERIMENTS)} expected; found {name!r}.")
    found: Experiment = importlib.import_module(f"dq_pipeline.experiments.{name}").run
    return found


def rounded(value: float, digits: int = 4) -> float | None:
    """To so many significant digits; None for what is not finite.

    Examples
    --------
    >>> rounded(0.0123456), rounded(float("nan"))
    (0.01235, None)
    """
    return float(f"{value:.{digits}g}") if abs(value) < float("inf") else None
