"""Limits for columns that are no readings: a rare category is not a wrong one, nor is a rare line of a log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.encode import DELAY
from dq_pipeline.process import Process

Floats = NDArray[np.float64]


def relax(process: Process, values: Floats, lower: Floats, upper: Floats, step_limit: Floats, bins: Floats) -> None:
    """Take back, in place, the limits by which clean recordings would lose.

    The columns of a categorical sensor have no envelope, and no bins for the distances: which categories a recording
    shows is judged over many, by the drift test. How large a step is usual is asked of all of them together: one that
    is often seen makes the moves to a rare one usual too. Spikes stay, for the sensor that flickers.

    Counts have no steps, and their envelope leaves room for what a row that has anything may hold: at least 1, or the
    99 % quantile of all rows. Spikes stay, for the many events of a burst.

    Parameters
    ----------
    values : (n, T, f)
        Of the reference, NaN where nothing was read.
    lower, upper : (f, T)
    step_limit : (f,)
    bins : (f, K, 32)
    """
    place = {name: j for j, name in enumerate(process.sensor_names)}
    for categorical in process.categories.values():
        columns = [place[name] for name in categorical.sensors]
        lower[columns], upper[columns] = -np.inf, np.inf
        step_limit[columns] = step_limit[columns].max()
        bins[columns] = 0.0
    for name, channel in process.encoded.items():
        if not channel.built.counts:
            continue
        for sensor, column in zip(channel.sensors(name), channel.built.columns, strict=True):
            readings = values[:, :, place[sensor]]
            if column == DELAY or np.isnan(readings).all():
                continue
            room = max(float(np.nanquantile(readings, 0.99)), 1.0)
            upper[place[sensor]] = np.maximum(upper[place[sensor]], 1.5 * room)
            step_limit[place[sensor]] = np.inf
