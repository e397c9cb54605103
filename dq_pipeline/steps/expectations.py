"""What a contract expects: the number it states, or what its release was evaluated as."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.contracts.metrics import METRICS, figure
from dq_pipeline.contracts.observed import Observed
from dq_pipeline.contracts.period import Period
from dq_pipeline.contracts.verdict import Expectation
from dq_pipeline.model.alarm import alarms
from dq_pipeline.model.inference import Prediction
from dq_pipeline.ports import World
from dq_pipeline.release.promise import Promise
from dq_pipeline.sections.contract import Contract
from dq_pipeline.steps.promised import promised
from dq_pipeline.steps.serving import Serving

Floats = NDArray[np.float64]
_NOTHING_LEFT = "none of the recordings that the release learned from is in the lake"


def expectation(world: World, serving: Serving, contract: Contract, period: Period | None) -> Expectation:
    """What production is held to, with the samples behind it where they are known."""
    classes = serving.process.target.task == "classification"
    promise = promised(world, serving, "accuracy" if classes else "mae")
    found = _released(serving, contract, promise, period)
    if contract.expected != "released":
        found = Expectation(contract.expected, scale=found.scale)
    if contract.metric == "bias":
        error = None if promise is None else promise.figure
        relative = contract.tolerance is None or contract.tolerance.relative > 0
        if error is None and relative:
            return Expectation(None, why="the release promised no error that a bias could be compared with")
        return replace(found, scale=error or 0.0)
    return found


def _released(serving: Serving, contract: Contract, promise: Promise | None, period: Period | None) -> Expectation:
    name = contract.metric
    if name == "coverage":
        return Expectation(serving.process.model.coverage)
    if name == "calibration":
        return Expectation(1.0)
    if name in ("score", "null_rate"):
        return _of_period(serving, contract, period)
    if promise is None:
        return Expectation(None, why=f"release {serving.version} was not evaluated")
    if promise.truth is None or promise.value is None:
        if name == "mae":
            return Expectation(promise.figure)
        return Expectation(None, why=f"of the evaluation of release {serving.version} only its error is known")
    block = _block(serving, promise.truth, promise.value)
    if name == "alarm_rate" and (serving.process.alarm is None or serving.process.alarm.on != "prediction"):
        return Expectation(None, why="state a number: the evaluation raises no alarm on intervals")
    parts = METRICS[name].parts(block, (), serving.process.sensor_names)
    return Expectation(promise.figure if name == "mae" else figure(METRICS[name], parts), parts)


def _of_period(serving: Serving, contract: Contract, period: Period | None) -> Expectation:
    if period is None:
        return Expectation(None, why=_NOTHING_LEFT)
    metric, sensors = METRICS[contract.metric], serving.process.sensor_names
    if contract.metric == "null_rate":
        columns = [i for i, name in enumerate(sensors) if not contract.slice.sensors or name in contract.slice.sensors]
        parts = period.missing[:, columns].mean(axis=1)[:, None]
    else:
        parts = period.unified[:, None]
    found = figure(metric, parts, contract.quantile or metric.quantile or 0.5)
    return Expectation(found, parts, why="" if found is not None else "no score of the training period is known")


def _block(serving: Serving, truth: Floats, value: Floats) -> Observed:
    """The block that the release was evaluated on, as far as it is kept."""
    nothing = np.full(len(truth), np.nan)
    raised = alarms(serving.process.alarm, Prediction(value, value, value)).astype(np.float64)
    return Observed(
        number=np.arange(len(truth)),
        start=np.full(len(truth), np.datetime64("NaT"), dtype="datetime64[us]"),
        source=np.full(len(truth), "", dtype=object),
        metadata=({},) * len(truth),
        value=value,
        lower=nothing,
        upper=nothing,
        truth=truth,
        expected_error=nothing,
        unified=nothing,
        alarm=raised,
        latency_s=nothing,
        missing=np.full((len(truth), len(serving.process.sensor_names)), np.nan),
    )
