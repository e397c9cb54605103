"""What each process' demo plays: how much history, how long a stream, which defects, and which known drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dq_pipeline import recorded
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.feed import Drift, Feed, prepare
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
    """

    samples: int
    tail: int
    drift: Drift
    wear: float = 0.0
    faults: float = 0.04
    damaged: tuple[str, ...] = DAMAGED
    strays: int = 2
    ahead: int = 100
    lead: int = 3
    seed: int = 16


PLANS: MappingProxyType[str, Plan] = MappingProxyType(
    {
        "vacuum": Plan(
            samples=360,
            tail=60,
            drift=Drift(
                at=180,
                kind="wear",
                sensors=("pressure", "pump_current", "pump_speed", "pump_temperature", "cooling_out"),
            ),
            wear=1.0,
            faults=0.08,
        ),
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


def history_and_feed(world: World, process: Process, plan: Plan, variables: dict[str, str]) -> Feed:
    """Write a simulated process' history where its file says, and prepare what is to be fed.

    Raises
    ------
    ConfigurationError
        If the recordings are too few.
    """
    begin = process.history.samples
    if plan.wear:
        stream = _simulated(process, plan, variables)
        return _prepared(process, plan, stream, injected=stream[plan.drift.at].sample_id)
    history = world.history(process)
    count = history.count()
    if count < begin + plan.drift.at + plan.tail + 100:
        raise ConfigurationError(f"{process.name}: at least {begin + plan.drift.at + 160} recordings; found {count}")
    stream = list(history.read_chunk(begin, min(begin + plan.samples, count)))
    return _prepared(process, plan, stream, injected=None)


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


def _prepared(process: Process, plan: Plan, stream: Sequence[Recording], *, injected: str | None) -> Feed:
    return prepare(
        stream,
        process,
        seed=plan.seed,
        faults=plan.faults,
        damaged=plan.damaged,
        strays=plan.strays,
        drift=None if injected else replace(plan.drift, sensors=plan.drift.sensors or process.measured),
        injected=injected,
    )
