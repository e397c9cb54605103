"""The data of the figures: recorded and simulated processes as batches in time order, and faults put into them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.adapters.history import open_history
from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, assemble_rows, place, place_rows
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import FAULTS, inject, robust_scale
from dq_pipeline.simulate.vacuum import VacuumDrift, simulate

PROCESSES = Path(__file__).resolve().parents[1] / "dags" / "processes"
Floats = NDArray[np.float64]

RECORDED = ("hydraulic", "skab")
"""Need DQ_DATA_DIR; the pump-down is simulated."""


def data_dir() -> str | None:
    """Where the recorded data are."""
    return os.environ.get("DQ_DATA_DIR") or None


def available() -> tuple[str, ...]:
    """The processes whose data are here."""
    return (*RECORDED, "vacuum") if data_dir() else ("vacuum",)


def recordings(name: str, samples: int | None = None, seed: int = 0) -> tuple[Process, list[Recording]]:
    """A process and its recordings, as they would be sent.

    Parameters
    ----------
    samples
        The first so many; all that were recorded otherwise, and 1,000 simulated ones.
    seed
        Of the simulation.
    """
    process = load(PROCESSES / f"{name}.yaml")
    if name not in RECORDED:
        return process, simulate(samples or 1000, np.random.default_rng(seed))
    history = open_history(process, {"DQ_DATA_DIR": data_dir() or ""})
    return process, history.read_chunk(0, min(samples or history.count(), history.count()))


def stream(name: str, samples: int | None = None, seed: int = 0) -> tuple[Process, SampleBatch]:
    """A process and its recordings in time order as one batch, targets derived; see :func:`recordings`."""
    process, found = recordings(name, samples, seed)
    return process, gated(process, found).in_order()


def recorded(name: str) -> tuple[Process, Floats, Floats]:
    """A process with all that was recorded of it: what a profile reads (n, T, f), and the targets (n,)."""
    process, batch = stream(name)
    shown = batch.head(process.sample.profile_rows)
    return process, shown.values, shown.target


def pump_downs(n: int, seed: int, drift: VacuumDrift | None = None) -> tuple[Process, Floats, Floats]:
    """The same of the vacuum process, simulated anew: n whole pump-downs, and the lowest pressure of each."""
    process = load(PROCESSES / "vacuum.yaml")
    runs = simulate(n, np.random.default_rng(seed), drift=drift)
    values = np.stack([run.values for run in runs])
    return process, values, np.array([float(np.min(run.target)) for run in runs if run.target is not None])


def gated(process: Process, found: Sequence[Recording]) -> SampleBatch:
    """Recordings as the form gate lets them through."""
    rows = process.sample.rows
    return assemble_rows([place(one, process, "completion") for one in found], process, rows)


@dataclass(frozen=True, slots=True, eq=False)
class Faulted:
    """A batch of which some samples carry a fault; `kind` (n,) names it, empty where there is none."""

    batch: SampleBatch
    kind: NDArray[np.str_]

    @property
    def faulty(self) -> NDArray[np.bool_]:
        """(n,) whether a sample carries a fault."""
        return np.asarray(self.kind != "")


def put_faults(
    batch: SampleBatch, process: Process, scale: Floats, rng: np.random.Generator, share: float = 0.2
) -> Faulted:
    """One fault in a share of the samples: kind uniform over the nine, severity uniform in [0.1, 1].

    Parameters
    ----------
    scale : (f,)
        Robust standard deviation per sensor.
    """
    n, rows = len(batch), batch.rows
    kind = np.full(n, "", dtype="<U32")
    for i in rng.choice(n, round(share * n), replace=False):
        kind[i] = rng.choice(list(FAULTS))
    values, received, disordered = batch.values.copy(), batch.received.copy(), batch.disordered.copy()
    sizes = dict(zip(batch.sensors, scale, strict=True))
    for i in np.flatnonzero(kind != ""):
        whole = Recording(batch.ids[i], batch.sources[i], batch.start[i], batch.sensors, values[i])
        spoilt = inject(whole, str(kind[i]), float(rng.uniform(0.1, 1.0)), rng, sizes, process.sample.period_s)
        try:
            placed = place_rows(spoilt, process, rows, with_target=False)
        except SampleError:  # nothing is left of it: the form gate's work, not the score's
            kind[i] = ""
            continue
        values[i], received[i], disordered[i] = placed.values, placed.received, placed.disordered
    spoilt_batch = SampleBatch(
        batch.sensors, batch.ids, batch.sources, batch.start, values, received, disordered, batch.target, batch.metadata
    )
    return Faulted(spoilt_batch, kind)


def scale_of(batch: SampleBatch) -> Floats:
    """Robust standard deviation per sensor (f,), in which sizes of faults are given."""
    return robust_scale(batch.values)
