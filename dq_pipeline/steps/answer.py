"""Answer every sample once: a prediction with its interval, or the fallback where the recording is not good enough."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.model.alarm import alarms
from dq_pipeline.model.inference import Prediction
from dq_pipeline.model.intervals import MEMORY, recalibrated
from dq_pipeline.ports import World
from dq_pipeline.records import ACTING, AsOf, Flag, Outgoing, PredictionRow, Role
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.candidates import Candidate
from dq_pipeline.steps.serving import Serving, on_probation_against, successions
from dq_pipeline.steps.stretch import withheld
from dq_pipeline.wire import outgoing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answers:
    """Predictions for the ledger, the messages that carry them out, and what they depended on."""

    rows: tuple[PredictionRow, ...]
    outbox: tuple[Outgoing, ...]
    flags: tuple[Flag, ...] = ()
    as_of: AsOf = field(default_factory=AsOf)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What one release says of the samples of a micro-batch."""

    serving: Serving
    features: NDArray[np.float64]
    predicted: Prediction
    expected: NDArray[np.float64]
    raised: NDArray[np.bool_]

    def row(self, sample_id: str, role: Role, i: int, unified: float) -> PredictionRow:
        """Its answer to the i-th sample."""
        return PredictionRow(
            sample_id=sample_id,
            release=self.serving.version,
            role=role,
            value=_number(self.predicted.value[i]),
            lower=_number(self.predicted.lower[i]),
            upper=_number(self.predicted.upper[i]),
            unified=_number(unified),
            fallback=None,
            alarm=bool(self.raised[i]),
            expected_error=_number(self.expected[i]),
        )


def answer(
    world: World,
    serving: Serving,
    batch: SampleBatch,
    unified: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    beside: Sequence[Candidate] = (),
) -> Answers:
    """Predict from the horizon rows.

    The interval follows the coverage of the release's own answers since it came into Production. That is no state of
    its own: it follows from the release and the ledger, and a release that is restored begins as it was released.

    While a release is on probation the one it replaced answers beside it, as a shadow nobody acts on: the ledger then
    holds what the probation is judged by. So do the releases that are rolled out; of these, a canary answers its share
    of the samples that are good enough, and what Production says of them is the shadow.

    Parameters
    ----------
    batch
        Samples nobody answered yet, their horizon rows at least.
    unified, accepted : (n,)
        Score of the horizon rows, and whether it reaches the threshold.
    beside
        Releases that are rolled out, as of the micro-batch's claim.
    """
    radius: dict[str, float] = {}
    began = max((change.sample for change in successions(world, serving.process.name)[-1:]), default=0)
    champion = said(serving, batch, _radius(world, serving, began, ACTING, radius))
    others = [(one, heard) for one in beside if (heard := _heard(world, one, batch, radius)) is not None]
    fallback, as_of = _fallback(world, serving, batch, accepted)
    rows, messages = [], []
    for i, sample_id in enumerate(batch.ids):
        actor = next((heard for one, heard in others if accepted[i] and one.takes(sample_id)), None)
        row = champion.row(sample_id, "champion", i, unified[i])
        if not accepted[i]:
            row = fallback[sample_id]
        elif actor is not None:
            rows.append(champion.row(sample_id, "shadow", i, unified[i]))
            row = actor.row(sample_id, "canary", i, unified[i])
        rows.append(row)
        messages.extend(_messages(serving if actor is None else actor.serving, batch, i, row))
        rows.extend(heard.row(sample_id, "shadow", i, unified[i]) for _, heard in others if heard is not actor)
    replaced = on_probation_against(world, serving)
    if replaced is not None and replaced.version not in {heard.serving.version for _, heard in others}:
        former = said(replaced, batch, None)
        rows.extend(former.row(sample_id, "shadow", i, unified[i]) for i, sample_id in enumerate(batch.ids))
    rules, features, value = serving.bundle.flags, champion.features, champion.predicted.value
    flags = () if rules is None else rules.at_answer(batch.ids, serving.version, features, value, accepted)
    return Answers(tuple(rows), tuple(messages), tuple(flags), replace(as_of, radius=radius))


def said(serving: Serving, batch: SampleBatch, radius: float | None) -> Said:
    """What a release says, its interval of this half-width; that of the model itself where there is none."""
    features = serving.bundle.features.transform(batch)
    predicted = serving.bundle.model.predict(features)
    if radius is not None:
        lower, upper = replace(serving.bundle.model.calibration, radius=radius).interval(predicted.value)
        predicted = replace(predicted, lower=lower, upper=upper)
    errors = serving.bundle.error_model
    expected = np.full(len(batch), np.nan) if errors is None else errors.expected(features, predicted.value)
    return Said(serving, features, predicted, expected, alarms(serving.process.alarm, predicted))


def _heard(world: World, one: Candidate, batch: SampleBatch, radius: dict[str, float]) -> Said | None:
    """What a candidate says; one that fails takes no part, and the stream goes on."""
    try:
        return said(one.serving, batch, _radius(world, one.serving, one.began, ("shadow", "canary"), radius))
    except Exception:
        log.warning("release %s failed beside the one in Production", one.serving.version, exc_info=True)
        return None


def _radius(world: World, serving: Serving, began: int, roles: Sequence[Role], kept: dict[str, float]) -> float | None:
    """The half-width that the release's own answers since a sample have made; None where it is not followed."""
    model, process = serving.bundle.model, serving.process
    if not process.model.recalibrate or model.task != "regression":
        return None
    rows = world.ledger.judged(process.name, last=MEMORY, release=serving.version, first_sample=began, role=roles)
    faults = world.ledger.incidents(process.name) if rows else ()
    rows = [row for row in rows if row.accepted and row.fallback is None and not withheld(faults, row.sample)]
    own = [(row.target, row.value, row.lower, row.upper) for row in rows]
    truth, value, lower, upper = np.array(own, dtype=np.float64).reshape(-1, 4).T  # None, where unbounded, is NaN
    known = np.isfinite(value) & np.isfinite(lower) & np.isfinite(upper)
    errors, missed = np.abs(truth - value)[known], ((truth < lower) | (upper < truth))[known]
    radius = recalibrated(model.calibration, errors, missed).radius
    if np.isfinite(radius):
        kept[serving.version] = radius
    return radius


def _fallback(
    world: World, serving: Serving, batch: SampleBatch, accepted: NDArray[np.bool_]
) -> tuple[Mapping[str, PredictionRow], AsOf]:
    """What answers for samples below the threshold, and what that was; never an alarm of the model, always marked."""
    doubtful, as_of = np.flatnonzero(~accepted), AsOf()
    if not len(doubtful):
        return {}, as_of
    kind, previous = serving.process.quality.fallback, None
    if kind == "last_good":
        as_of = AsOf(last_good=world.ledger.last_good(serving.process.name))
    elif kind == "previous_release" and (previous := serving.previous(world)) is not None:
        as_of = AsOf(previous=previous.version)
    return fallback_rows(serving, batch.take(doubtful), as_of, previous), as_of


def fallback_rows(
    serving: Serving, batch: SampleBatch, as_of: AsOf, previous: Serving | None
) -> dict[str, PredictionRow]:
    """The fallback's answers to samples that are not good enough, by sample id."""
    values: list[float | None] = [as_of.last_good] * len(batch)
    if previous is not None:
        values = [_number(v) for v in previous.bundle.predict(batch).value]
    return {
        sample_id: PredictionRow(
            sample_id=sample_id,
            release=serving.version,
            role="champion",
            value=value,
            lower=None,
            upper=None,
            unified=None,
            fallback=serving.process.quality.fallback,
            alarm=False,
        )
        for sample_id, value in zip(batch.ids, values, strict=True)
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
