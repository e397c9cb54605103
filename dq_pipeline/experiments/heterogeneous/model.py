"""What a model gains from channels: its error on later recordings, with and without their columns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.experiments.data import batch_of
from dq_pipeline.experiments.detection.judge import standard_error
from dq_pipeline.experiments.experiment import Cell, rounded
from dq_pipeline.experiments.heterogeneous import plant
from dq_pipeline.steps.sweep import trial_error

Floats = NDArray[np.float64]

TRAINED = 400
WITH: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "the sensors alone": (),
        "and the valve": ("valve",),
        "and the recipe": ("recipe",),
        "and the log": ("log",),
        "and the camera": ("camera",),
        "and all channels": plant.CHANNELS,
    }
)


def errors(seed: int, judged: int, *, follows: bool) -> dict[str, float]:
    """Mean absolute error on the recordings after the first 400, by what the model is given.

    Parameters
    ----------
    follows
        Whether the target follows the channels, as the plant's does; else it is the temperature, and noise.
    """
    rng = np.random.default_rng([seed, 3])
    run = plant.simulate(TRAINED + judged, rng)
    whole = batch_of(plant.process(), plant.recordings(run))
    truth = run.target if follows else run.readings[:, :, 2].mean(axis=1) + 0.5 * rng.standard_normal(len(run.target))
    known, later = truth[:TRAINED], truth[TRAINED:]
    found = {
        "nothing: the mean of the known": float(np.abs(later - known.mean()).mean()),
        "nothing: the last value": float(np.abs(later - truth[TRAINED - 1 : -1]).mean()),
    }
    for title, channels in WITH.items():
        batch = plant.narrowed(whole, channels)
        trained, shown = batch.between(0, TRAINED), batch.between(TRAINED, len(batch))
        found[title] = trial_error(trained, known, shown, later, plant.process(channels))
    return found


def rows(seeds: int, judged: int) -> list[dict[str, Cell]]:
    """Of the table: means over seeds, of both targets."""
    told: list[dict[str, Cell]] = []
    for target, follows in (
        ("the yield, which follows all channels", True),
        ("a temperature, which follows none", False),
    ):
        found = [errors(seed, judged, follows=follows) for seed in range(seeds)]
        alone = np.array([one["the sensors alone"] for one in found])
        for title in found[0]:
            of_title = np.array([one[title] for one in found])
            told.append(
                {
                    "target": target,
                    "the model is given": title,
                    "mean absolute error": rounded(float(of_title.mean()), 3),
                    "error": rounded(standard_error(of_title), 2),
                    "over the sensors alone": rounded(float((of_title / alone).mean()), 3),
                }
            )
    return told
