"""The ladders of stress and drills: perturbations, their severities, and the causes they may be put down to."""

from __future__ import annotations

from types import MappingProxyType

from dq_pipeline.errors import DataError
from dq_pipeline.records import Cause
from dq_pipeline.simulate.perturbations import (
    Perturbation,
    calibration,
    concept,
    delay,
    missing,
    noise,
    offset,
    on_values,
    outage,
    process_change,
    stuck,
    unit,
)

_CALIBRATION = (Cause.CALIBRATION,)
_PLANT = (Cause.PROCESS_DRIFT, Cause.OPERATING_MODE)
PERTURBATIONS: MappingProxyType[str, Perturbation] = MappingProxyType(
    {
        one.name: one
        for one in (
            Perturbation(
                "missing",
                "a share of {} of all readings is lost at random",
                (0.05, 0.1, 0.2, 0.4, 0.6, 0.8),
                (Cause.LATE_DATA, Cause.DEAD_SENSOR),
                on_values(missing),
                "all",
                0.4,
                most=1.0,
            ),
            Perturbation(
                "noise",
                "every sensor carries noise of {} spreads",
                (0.25, 0.5, 1.0, 2.0, 4.0),
                (Cause.DEAD_SENSOR,),
                on_values(noise),
                "all",
                4.0,
            ),
            Perturbation(
                "calibration",
                "one sensor comes to read too much by the share {}, over 50 samples",
                (0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
                _CALIBRATION,
                on_values(calibration),
                medium=0.2,
            ),
            Perturbation(
                "unit",
                "one sensor reports a number {} times as large",
                (1.8, 14.5038, 60.0, 100.0, 1000.0),
                _CALIBRATION,
                on_values(unit),
                medium=14.5038,
            ),
            Perturbation(
                "offset",
                "one sensor reads {} spreads too high",
                (0.5, 1.0, 2.0, 4.0, 8.0),
                _CALIBRATION,
                on_values(offset),
                medium=4.0,
            ),
            Perturbation(
                "stuck",
                "one sensor repeats a reading for a share of {} of the rows",
                (0.1, 0.25, 0.5, 0.75, 1.0),
                (Cause.DEAD_SENSOR,),
                on_values(stuck),
                medium=1.0,
                most=1.0,
            ),
            Perturbation(
                "delay",
                "a share of {} of the horizon rows comes after the answer",
                (0.1, 0.25, 0.5, 0.75, 0.9),
                (Cause.LATE_DATA,),
                delay,
                "all",
                0.75,
                most=1.0,
            ),
            Perturbation(
                "outage",
                "a share of {} of the sensors says nothing",
                (0.1, 0.25, 0.5, 0.75, 0.9),
                (Cause.LATE_DATA, Cause.DEAD_SENSOR),
                outage,
                "all",
                0.5,
                most=1.0,
            ),
            Perturbation(
                "process_change",
                "every second sensor moves by {} spreads, up and down by turns",
                (0.25, 0.5, 1.0, 2.0, 4.0),
                _PLANT,
                on_values(process_change),
                "half",
                2.0,
            ),
            Perturbation(
                "concept",
                "the same readings mean a target {} spreads higher",
                (0.25, 0.5, 1.0, 2.0, 4.0),
                (Cause.CONCEPT_DRIFT,),
                concept,
                "all",
                2.0,
            ),
        )
    }
)


def perturbation(name: str) -> Perturbation:
    """The perturbation of this name. Raises DataError naming those there are."""
    if name not in PERTURBATIONS:
        raise DataError(f"Unknown perturbation {name!r}. Registered: {', '.join(PERTURBATIONS)}.")
    return PERTURBATIONS[name]


def befalls(one: Perturbation, task: str) -> bool:
    """Whether it can befall a process of this task: a class has no higher and lower."""
    return one.act is not concept or task == "regression"
