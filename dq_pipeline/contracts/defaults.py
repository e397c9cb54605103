"""The contracts in force: those that the process file states, or those that follow from what it is."""

from __future__ import annotations

from collections.abc import Mapping

from dq_pipeline.process import Process
from dq_pipeline.sections.contract import Contract

REGRESSION = {
    "error": Contract(metric="mae", severity="critical"),
    "bias": Contract(metric="bias", expected=0.0),
    "coverage": Contract(metric="coverage"),
}
CLASSIFICATION = {
    "lift": Contract(metric="lift", severity="critical"),
    "coverage": Contract(metric="coverage"),
}
OF_THE_STREAM = {
    "quality": Contract(metric="score"),
    "nulls": Contract(metric="null_rate"),
}


def in_force(process: Process) -> Mapping[str, Contract]:
    """Name -> contract; the process' owner where a contract names none.

    Where the file states none: the error (or lift) as the release was evaluated, no bias, the interval's coverage, and
    the score and the missing readings of what it was trained on.
    """
    usual = {**(REGRESSION if process.target.task == "regression" else CLASSIFICATION), **OF_THE_STREAM}
    chosen = process.contracts or usual
    return {name: one if one.owner else one.model_copy(update={"owner": process.owner}) for name, one in chosen.items()}
