"""Answer every sample once: a prediction with its interval, or the fallback where the recording is not good enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.alarm import alarms
from dq_pipeline.model.inference import Prediction
from dq_pipeline.model.intervals import MEMORY, recalibrated
from dq_pipeline.ports import World
from dq_pipeline.records import Flag, Outgoing, PredictionRow, Role
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.serving import Serving, on_probation_against
from dq_pipeline.steps.stretch import withheld
from dq_pipeline.wire import outgoing


@dataclass(frozen=True, slots=True)
class Answers:
    """Predictions for the ledger and the messages that carry them out."""

    rows: tuple[PredictionRow, ...]
    outbox: tuple[Outgoing, ...]
    flags: tuple[Flag, ...] = ()


def answer(
    world: World,
    serving: Serving,
    batch: SampleBatch,
    unified: NDArray[np.float64],
    accepted: NDArray[np.bool_],
) -> Answers:
    """Predict from the horizon rows.

    The interval follows the coverage of the release's own answers since it came into Production. That is no state of
    its own: it follows from the release and the ledger, and a release that is restored begins as it was released.

    While a release is on probation the one it replaced answers beside it, as a shadow nobody acts on: the ledger then
    holds what the probation is judged by.

    Parameters
    ----------
    batch
        Samples nobody answered yet, their horizon rows at least.
    unified, accepted : (n,)
        Score of the horizon rows, and whether it reaches the threshold.
    """
    features = serving.bundle.features.transform(batch)
    predicted = _recalibrated(world, serving, serving.bundle.model.predict(features))
    errors = serving.bundle.error_model
    expected = np.full(len(batch), np.nan) if errors is None else errors.expected(features, predicted.value)
    fallback = None if accepted.all() else _fallback(world, serving, batch, accepted)
    raised = alarms(serving.process.alarm, predicted)
    rows, messages = [], []
    for i, sample_id in enumerate(batch.ids):
        row = _row(sample_id, serving.version, "champion", predicted, i, unified[i], alarm=bool(raised[i]))
        row = replace(row, expected_error=_number(expected[i]))
        if not accepted[i] and fallback is not None:
            row = fallback[sample_id]
        rows.append(row)
        messages.extend(_messages(serving, batch, i, row))
    replaced = on_probation_against(world, serving)
    if replaced is not None:
        shadow = replaced.bundle.predict(batch)
        rows.extend(
            _row(sample_id, replaced.version, "shadow", shadow, i, unified[i], alarm=False)
            for i, sample_id in enumerate(batch.ids)
        )
    rules = serving.bundle.flags
    flags = () if rules is None else rules.at_answer(batch.ids, serving.version, features, predicted.value, accepted)
    return Answers(tuple(rows), tuple(messages), tuple(flags))


def _recalibrated(world: World, serving: Serving, predicted: Prediction) -> Prediction:
    model, process = serving.bundle.model, serving.process
    if not process.model.recalibrate or model.task != "regression":
        return predicted
    changes = reversed(world.ledger.changes(process.name))
    began = next((change.sample for change in changes if change.action in ("promote", "rollback")), 0)
    rows = world.ledger.judged(process.name, last=MEMORY, release=serving.version, first_sample=began)
    faults = world.ledger.incidents(process.name) if rows else ()
    rows = [row for row in rows if row.accepted and row.fallback is None and not withheld(faults, row.sample)]
    own = [(row.target, row.value, row.lower, row.upper) for row in rows]
    truth, value, lower, upper = np.array(own, dtype=np.float64).reshape(-1, 4).T  # None, where unbounded, is NaN
    known = np.isfinite(value) & np.isfinite(lower) & np.isfinite(upper)
    errors, missed = np.abs(truth - value)[known], ((truth < lower) | (upper < truth))[known]
    lower, upper = recalibrated(model.calibration, errors, missed).interval(predicted.value)
    return replace(predicted, lower=lower, upper=upper)


def _row(
    sample_id: str, version: str, role: Role, p: Prediction, i: int, unified: float, *, alarm: bool
) -> PredictionRow:
    return PredictionRow(
        sample_id=sample_id,
        release=version,
        role=role,
        value=_number(p.value[i]),
        lower=_number(p.lower[i]),
        upper=_number(p.upper[i]),
        unified=_number(unified),
        fallback=None,
        alarm=alarm,
    )


def _fallback(
    world: World, serving: Serving, batch: SampleBatch, accepted: NDArray[np.bool_]
) -> Mapping[str, PredictionRow]:
    """What answers for samples below the threshold; never an alarm of the model, always marked."""
    kind = serving.process.quality.fallback
    doubtful = np.flatnonzero(~accepted)
    values: list[float | None] = [None] * len(doubtful)
    if kind == "last_good":
        values = [world.ledger.last_good(serving.process.name)] * len(doubtful)
    elif kind == "previous_release" and (previous := serving.previous(world)) is not None:
        values = [_number(v) for v in previous.bundle.predict(batch.take(doubtful)).value]
    return {
        batch.ids[i]: PredictionRow(
            sample_id=batch.ids[i],
            release=serving.version,
            role="champion",
            value=value,
            lower=None,
            upper=None,
            unified=None,
            fallback=kind,
            alarm=False,
        )
        for i, value in zip(doubtful, values, strict=True)
    }


def _messages(serving: Serving, batch: SampleBatch, i: int, row: PredictionRow) -> list[Outgoing]:
    process = serving.process
    body: dict[str, Any] = {
        "sample_id": row.sample_id,
        "release": row.release,
        "source": batch.sources[i],
        "start": batch.start[i],
        "target": process.target.name,
        "unit": process.target.unit,
        "value": row.value,
        "lower": row.lower,
        "upper": row.upper,
        "quality": row.unified,
        "fallback": row.fallback,
    }
    messages = [_outgoing(process.stream.predictions_topic, outgoing.answer("prediction", process.name, body))]
    if row.alarm and process.alarm is not None:
        body = {**body, "when": process.alarm.when, "limit": process.alarm.limit, "on": process.alarm.on}
        messages.append(_outgoing(process.stream.alarms_topic, outgoing.answer("alarm", process.name, body)))
    return messages


def _outgoing(topic: str, sent: tuple[bytes, bytes, list[tuple[str, bytes]]]) -> Outgoing:
    key, value, headers = sent
    return Outgoing(topic, key, value, tuple(headers))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
