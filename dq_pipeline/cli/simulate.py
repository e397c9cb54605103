"""`dq simulate`: recordings of a simulated process."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dq_pipeline.cli.terminal import AsJson, answer, bar


class Simulated(StrEnum):
    """Processes that can be simulated."""

    VACUUM = "vacuum"


class Change(StrEnum):
    """What can change in the simulated plant."""

    WEAR = "wear"
    LEAK = "leak"


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(simulate)


def simulate(
    process: Annotated[Simulated, typer.Argument(help="Which process.")] = Simulated.VACUUM,
    out: Annotated[
        str | None, typer.Option(help="File or fsspec URI; where the process file's history is, by default.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many recordings.")] = 300,
    first: Annotated[int, typer.Option(min=0, help="Number of the first; ids and start times go on from it.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 1,
    drift_at: Annotated[int | None, typer.Option(min=0, help="Number of the recording the plant changes at.")] = None,
    drift: Annotated[Change, typer.Option(help="What changes there.")] = Change.WEAR,
    magnitude: Annotated[float, typer.Option(min=0, help="1 raises the lowest pressure by about half.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Simulate vacuum pump-downs and write them to a Parquet file.

    Without options: the 300 recordings of history that `dq init vacuum` reads. A stream to feed afterwards::

        dq simulate vacuum --out stream.parquet --first 300 --samples 400 --seed 2 --drift-at 480
        dq feed vacuum --file stream.parquet --first 0
    """
    import numpy as np

    from dq_pipeline import recorded
    from dq_pipeline.settings import Settings
    from dq_pipeline.simulate import vacuum
    from dq_pipeline.wiring import open_world

    with open_world(Settings.resolve()) as world, bar() as progress:
        target = out or recorded.history_uri(world.process(process), world.variables)
        change = None if drift_at is None else vacuum.VacuumDrift(drift_at, drift.value, magnitude)
        task = progress.add_task("simulate", total=samples)
        start = vacuum.DEFAULT_START + np.timedelta64(first, "h")
        recordings = vacuum.simulate(samples, np.random.default_rng(seed), start=start, first=first, drift=change)
        written = recorded.write(recordings, target, on_part=lambda done: progress.update(task, completed=done))
    result = {"process": process.value, "uri": target, "samples": samples, "rows": written}
    answer(result, as_json, f"{samples} recordings ({written} rows) in {target}")
