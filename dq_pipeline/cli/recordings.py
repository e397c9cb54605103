"""Recordings of a file or of a process' history, as arrays; what the form gate refuses is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dq_pipeline.errors import DataError

if TYPE_CHECKING:
    from dq_pipeline.process import Process
    from dq_pipeline.samples import SampleBatch
    from dq_pipeline.wiring import World

_CHUNK, _CELLS = 200, 5_000_000
"""Recordings read at a time: at least so many, or as many as hold so many readings."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Recordings in stream order, and how many others were refused, by reason."""

    batch: SampleBatch
    refused: dict[str, int]

    def told(self) -> str:
        """In words."""
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(self.refused.items()))
        return f"{len(self.batch)} recordings" + (f"; quarantined: {reasons}" if reasons else "")


def read(
    world: World,
    process: Process,
    file: str | None = None,
    *,
    samples: int | None = None,
    with_target: bool = False,
) -> Read:
    """Read a file in the layout of the process file's `history`, or that history itself.

    Parameters
    ----------
    samples
        The first so many; all by default.
    with_target
        Whether the target's column must be there.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or is not as the process file says.
    DataError
        If no recording of it can be used.
    """
    from dq_pipeline.adapters.history import open_history
    from dq_pipeline.recording import assemble
    from dq_pipeline.steps.history_gate import place_all

    settings = process
    if not with_target:
        settings = process.model_copy(update={"target": process.target.model_copy(update={"column": None})})
    if file is not None:
        named = process.history.model_copy(update={"uri": file, "table": None, "query": None, "connection": None})
        settings = settings.model_copy(update={"history": named})
    history = world.history(settings) if file is None else open_history(settings, world.variables)
    count = min(history.count(), samples or history.count())
    step = max(_CHUNK, _CELLS // (process.sample.rows * len(process.sensors)))
    cuts = range(0, count, step)
    found = (one for first in cuts for one in history.read_chunk(first, min(first + step, count)))
    placed, refused = place_all(found, settings)
    where = file or f"the history of {process.name}"
    if not placed:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(refused.items())) or "there are none"
        raise DataError(f"{where}: at least one recording that can be used expected, found none ({reasons})")
    return Read(assemble(placed, settings, "completion").in_order(), refused)
