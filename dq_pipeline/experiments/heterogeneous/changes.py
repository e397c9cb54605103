"""Drifts of what the plant's channels show, and profiles of the recordings before, without and after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.experiments.data import batch_of
from dq_pipeline.experiments.detection.streams import BEFORE, LONGEST, REFERENCE
from dq_pipeline.experiments.heterogeneous import plant
from dq_pipeline.experiments.heterogeneous.plant import Habits
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.samples import SampleBatch


@dataclass(frozen=True, slots=True)
class Kind:
    """One drift.

    Attributes
    ----------
    then
        Habits of the plant from the change on.
    touched
        Channels that come otherwise.
    columns
        Those that may be named for it: of the channel, and of the categories that moved.
    """

    then: Habits
    touched: tuple[str, ...]
    columns: tuple[str, ...]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "valve: open 31 % -> 45 %": Kind(
            Habits(valve=(0.51, 0.45, 0.04, 0.0)), ("valve", "log"), ("valve_open", "valve_closed")
        ),
        "valve: fault 0 % -> 4 %": Kind(Habits(valve=(0.61, 0.31, 0.04, 0.04)), ("valve", "log"), ("valve_fault",)),
        "recipe: a 50 % -> 30 %": Kind(Habits(recipe=(0.3, 0.3, 0.4)), ("recipe",), ("recipe_a", "recipe_c")),
        "log: errors in 0.5 % -> 1.5 % of the rows": Kind(Habits(errors=0.015), ("log",), ("log_errors",)),
        "camera: brightness 0.50 -> 0.47": Kind(Habits(brightness=0.47), ("camera",), ("camera_brightness",)),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A plant: profiles of its reference, of what follows without a change, and of what follows each change.

    Attributes
    ----------
    worlds
        That a detector is given to find its own threshold in.
    """

    process: Process
    reference: Reference
    known: Profile
    quiet: Profile
    changed: tuple[Profile, ...]
    worlds: Worlds


def case(seed: int, quiet: int, kinds: Mapping[str, Kind] = KINDS, worlds: Worlds | None = None) -> Case:
    """The plant of a seed; changes come `BEFORE` recordings after the reference."""
    process, n = plant.process(), REFERENCE + (max(quiet, BEFORE + LONGEST) if kinds else quiet)
    steady = batch_of(process, plant.recordings(plant.simulate(n, np.random.default_rng(seed))))
    reference = Reference.fit(steady.between(0, REFERENCE), process)
    changed = (branch(steady, seed, n, kind) for kind in kinds.values())
    return Case(
        process,
        reference,
        profile(steady.between(0, REFERENCE), reference),
        profile(steady.between(REFERENCE, REFERENCE + quiet), reference),
        tuple(profile(one, reference) for one in changed),
        worlds or Worlds(),
    )


def branch(steady: SampleBatch, seed: int, n: int, kind: Kind) -> SampleBatch:
    """The recordings from the change on: encoded anew where the change touches them, as they were elsewhere."""
    first = REFERENCE + BEFORE
    run = plant.simulate(n, np.random.default_rng(seed), at=first, then=kind.then).between(first, first + LONGEST)
    part = plant.process(kind.touched)
    came = batch_of(part, plant.recordings(run, kind.touched, first=first))
    values = steady.values[first : first + LONGEST].copy()
    values[:, :, [steady.sensors.index(name) for name in part.sensor_names]] = came.values
    return replace(came, sensors=steady.sensors, values=values)
