"""What each process' demo plays: how much history, how long a stream, which defects, and which known drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dq_pipeline import recorded
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.feed import Drift, Feed, prepare
from dq_pipeline.late_labels import Late
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording
from dq_pipeline.simulate import vacuum

DAMAGED = (
    "truncated",
    "wrong_schema",
    "text",
    "only_missing",
    "too_many_columns",
    "future_start",
    "unknown_process",
    "duplicate",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A demo's script.

    Attributes
    ----------
    samples
        Recordings to feed after the history.
    tail
        The last of them, held back until the new release is in Production: what it is seen at work on.
    drift
        Put on top of the recordings; where the process is simulated, `wear` instead.
    ahead
        Messages that may be unread while more are fed.
    lead
        Recordings whose horizon is fed before a completion.
    faults
        Share of the recordings with a fault; recorded history has none, so that many of them would be a drift.
    wear
        How strongly the simulated pumps wear from recording `drift.at` on; 0 where the recordings are real.
    late
        Labels say the target, so late, a share of them wrong; None: the recordings say it.
    """

    samples: int
    tail: int
    drift: Drift
    wear: float = 0.0
    late: Late | None = None
    faults: float = 0.04
    damaged: tuple[str, ...] = DAMAGED
    strays: int = 2
    ahead: int = 100
    lead: int = 3
    seed: int = 16


_PUMP_DOWN = Plan(
    samples=360,
    tail=60,
    drift=Drift(
        at=180,
        kind="wear",
        sensors=("pressure", "pump_current", "pump_speed", "pump_temperature", "cooling_out"),
    ),
    wear=1.0,
    faults=0.08,
)
PLANS: MappingProxyType[str, Plan] = MappingProxyType(
    {
        "vacuum": _PUMP_DOWN,
        "vacuum_lab": replace(_PUMP_DOWN, late=Late(lag=30, wrong=0.03)),
        "hydraulic": Plan(
            samples=400,
            tail=60,
            drift=Drift(at=190, kind="gain", sensors=("PS5", "PS6", "FS2"), size=0.1, target_shift=-0.15),
            seed=14,
        ),
        "skab": Plan(
            samples=280,
            tail=40,
            drift=Drift(at=60, kind="gain", sensors=("Temperature", "Accelerometer1RMS"), size=0.5, target_shift=6.0),
        ),
    }
)


def plan_of(process: Process) -> Plan:
    """The plan of a process; one that has none of its own is fed 400 recordings, and all its sensors drift."""
    return PLANS.get(process.name, Plan(samples=400, tail=60, drift=Drift(at=180, sensors=process.measured)))


def check(process: Process, variables: dict[str, str]) -> None:
    """Say before anything starts what the demo of this process needs.

    Raises
    ------
    ConfigurationError
        The folder of its recordings was not named.
    """
    if "${DQ_DATA_DIR}" in (process.history.uri or "") and "DQ_DATA_DIR" not in variables:
        raise ConfigurationError(
            f"{process.name} plays recorded data: expected the folder that holds {process.history.uri}; found none. "
            f"make demo PROCESS={process.name} DQ_DATA_DIR=<folder>"
        )


def recordings(world: World, process: Process, plan: Plan, variables: dict[str, str]) -> list[Recording]:
    """What is to be fed, without its defects; a simulated process' history is written where its file says.

    Raises
    ------
    ConfigurationError
        If the recordings are too few.
    """
    begin = process.history.samples
    if plan.wear:
        return _simulated(process, plan, variables)
    history = world.history(process)
    count = history.count()
    if count < begin + plan.drift.at + plan.tail + 100:
        raise ConfigurationError(f"{process.name}: at least {begin + plan.drift.at + 160} recordings; found {count}")
    return list(history.read_chunk(begin, min(begin + plan.samples, count)))


def feed_of(process: Process, plan: Plan, stream: Sequence[Recording], error: float) -> Feed:
    """The recordings with their defects, and their labels where these say the target.

    Parameters
    ----------
    error
        Of the first release on what it had not seen, root mean square: what wrong labels are measured by.
    """
    return prepare(
        stream,
        process,
        seed=plan.seed,
        faults=plan.faults,
        damaged=plan.damaged,
        strays=plan.strays,
        drift=None if plan.wear else replace(plan.drift, sensors=plan.drift.sensors or process.measured),
        injected=stream[plan.drift.at].sample_id if plan.wear else None,
        late=None if plan.late is None else replace(plan.late, error=error),
    )


def _simulated(process: Process, plan: Plan, variables: dict[str, str]) -> list[Recording]:
    begin, rng = process.history.samples, np.random.default_rng(plan.seed)
    rows, period_s = process.sample.rows, process.sample.period_s
    past = vacuum.simulate(begin, rng, rows=rows, period_s=period_s)
    defective = prepare(
        past, process, seed=plan.seed + 1, faults=plan.faults
    )  # as the stream's are, or they are a drift
    recorded.write(defective.recordings, recorded.history_uri(process, variables))
    return vacuum.simulate(
        plan.samples,
        rng,
        start=vacuum.DEFAULT_START + np.timedelta64(begin, "h"),
        first=begin,
        rows=rows,
        period_s=period_s,
        drift=vacuum.VacuumDrift(begin + plan.drift.at, "wear", plan.wear),
    )
