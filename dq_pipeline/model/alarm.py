"""The alarm rule: act before the recording ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.inference import Prediction
from dq_pipeline.process import Alarm


def alarms(rule: Alarm | None, prediction: Prediction) -> NDArray[np.bool_]:
    """Which predictions pass the process file's limit.

    On `interval` it is the bound nearer to the harm that must pass: the upper one for `above`, the lower one for
    `below`, so that an alarm is given as soon as the limit may be broken.

    Parameters
    ----------
    rule
        None: nothing ever raises an alarm.
    prediction
        Of n samples.

    Returns
    -------
    (n,)
        A missing prediction raises none.

    Examples
    --------
    >>> p = Prediction(np.array([1.0, 3.0]), np.array([0.5, 2.0]), np.array([1.5, 4.0]))
    >>> alarms(Alarm(when="above", limit=1.2, on="interval"), p).tolist()
    [True, True]
    >>> alarms(Alarm(when="above", limit=1.2, on="prediction"), p).tolist()
    [False, True]
    """
    if rule is None:
        return np.zeros(len(prediction.value), dtype=np.bool_)
    if rule.when == "above":
        shown = prediction.upper if rule.on == "interval" else prediction.value
        return np.asarray(shown > rule.limit, dtype=np.bool_)
    shown = prediction.lower if rule.on == "interval" else prediction.value
    return np.asarray(shown < rule.limit, dtype=np.bool_)
