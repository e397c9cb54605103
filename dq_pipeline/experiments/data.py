"""Recordings of the processes that experiments are made on: the recorded ones, and the simulated pump-down."""

from __future__ import annotations

import numpy as np

from dq_pipeline.adapters.history import open_history
from dq_pipeline.experiments.experiment import Asked
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, assemble
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.vacuum import VacuumDrift, simulate
from dq_pipeline.steps.history_gate import place_all

RECORDED = ("hydraulic", "skab")
"""Need a data folder; the pump-down is simulated."""


def available(asked: Asked) -> tuple[str, ...]:
    """The processes whose data are here."""
    return (*RECORDED, "vacuum") if asked.variables.get("DQ_DATA_DIR") else ("vacuum",)


def recordings(
    asked: Asked, name: str, samples: int | None = None, *, seed: int = 0, drift: VacuumDrift | None = None
) -> tuple[Process, list[Recording]]:
    """A process and its recordings, as they would be sent.

    Parameters
    ----------
    samples
        The first so many; all that were recorded otherwise, and 1,000 simulated ones.
    seed, drift
        Of the simulation.
    """
    process = load(asked.process_dir / f"{name}.yaml")
    if name not in RECORDED:
        return process, simulate(samples or 1000, np.random.default_rng(seed), drift=drift)
    history = open_history(process, asked.variables)
    return process, history.read_chunk(0, min(samples or history.count(), history.count()))


def batch_of(process: Process, found: list[Recording]) -> SampleBatch:
    """Recordings as the form gate lets them through, in stream order, targets derived."""
    placed, _ = place_all(found, process)
    return assemble(placed, process, "completion").in_order()
