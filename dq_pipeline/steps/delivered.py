"""What the monitors look at of the ledger's samples: how they came, and their labels once they should have come."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.records import Delivered, Incident
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.cadence import NOT_COME
from dq_pipeline.steps.serving import Serving
from dq_pipeline.steps.stretch import withheld
from dq_pipeline.triage.cadence import gaps, pace
from dq_pipeline.triage.monitors import ERROR, LATE, Floats, Held, Series

LAGS, LEAST_LAGS = 100, 20
"""Newest labels whose lag is kept, and those that tell when the next is due."""
STARTS = 50
"""Recordings whose starts tell at which pace they come."""
MOST_LAG = 300
"""Samples after which a label is due in any case."""
_NEARLY_ALL = 0.98


@dataclass(frozen=True, slots=True)
class Carried:
    """What is carried on from one micro-batch to the next.

    Attributes
    ----------
    came, labels
        Numbers of the first samples of which the delivery, and the label, is still to be watched.
    release
        Whose errors are watched.
    own
        Whether the errors that it came with are not what is usual any more.
    starts
        Of the first samples, in seconds, until they tell the pace at which recordings start; then the newest is last.
    lags
        Samples that completed before the newest labels came.
    newest
        Sample of the newest alarm, by what is watched.
    alerts, incidents
        Keys of the alerts that stood, with what they are about, and the incidents that stood.
    held
        By the monitors.
    """

    came: int
    labels: int
    release: str = ""
    own: bool = False
    starts: tuple[float, ...] = ()
    lags: tuple[int, ...] = ()
    newest: Mapping[str, int] = field(default_factory=dict)
    alerts: Mapping[str, str] = field(default_factory=dict)
    incidents: tuple[int, ...] = ()
    held: Held = field(default_factory=Held)

    def of(self, release: str) -> Self:
        """With what is usual of this release's errors."""
        if release == self.release:
            return self
        return replace(self, release=release, own=False, held=self.held.relearned({ERROR}))

    def relearned(self, kinds: Collection[str]) -> Self:
        """What these show now is the usual from here on."""
        if not kinds:
            return self
        starts = () if NOT_COME in kinds else self.starts
        return replace(self, own=self.own or ERROR in kinds, starts=starts, held=self.held.relearned(kinds))

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        return {**asdict(replace(self, held=Held())), "held": self.held.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave."""
        told = {**data, **{name: tuple(data[name]) for name in ("starts", "lags", "incidents")}}
        return cls(**{**told, "held": Held.from_json(data["held"])})


def lost_of(batch: SampleBatch, rows: int) -> list[tuple[float, ...]]:
    """What is lost of each sample's first `rows` rows, as `SampleScore.lost` keeps it."""
    missing = np.isnan(batch.values[:, :rows])
    none = ~missing.any(axis=(1, 2)) & (batch.disordered == 0)
    whole = (missing.mean(axis=2) >= 0.5).mean(axis=1)
    late = batch.disordered / np.maximum(batch.received, 1)
    table = np.round(np.column_stack([whole, late, missing.mean(axis=1)]), 6)
    return [() if nothing else tuple(row) for nothing, row in zip(none.tolist(), table.tolist(), strict=True)]


def shown(
    serving: Serving, carried: Carried, rows: Sequence[Delivered], incidents: Sequence[Incident]
) -> tuple[dict[str, Series], Carried]:
    """What is new for the monitors in samples from `carried.labels` on, and where the next ones begin.

    A sample that an incident withholds tells nothing. Where labels come by themselves, a sample waits for its own, and
    those behind it with it, until nearly all have come by then.
    """
    if not rows:
        return {}, carried
    stop = rows[-1].sample + 1
    came = [row for row in rows if row.sample >= carried.came]
    due = stop - (_due(carried.lags) if serving.process.target.from_ == "labels" else 0)
    waiting = next((i for i, row in enumerate(rows) if row.target is None and row.sample >= due), len(rows))
    ripe = rows[:waiting]
    lags = (*carried.lags, *(row.lag for row in ripe if row.lag is not None))
    gap, starts = _gaps(carried.starts, came)
    now = {**_delivery(serving, came, incidents), **_labels(serving, ripe, incidents)}
    now |= {NOT_COME: (_number(came), _told(gap, came, incidents))} if came else {}
    labels = ripe[-1].sample + 1 if ripe else carried.labels
    return now, replace(carried, came=max(stop, carried.came), labels=labels, starts=starts, lags=lags[-LAGS:])


def _due(lags: Sequence[int]) -> int:
    """Samples after which a label should have come."""
    return MOST_LAG if len(lags) < LEAST_LAGS else min(int(np.quantile(lags, _NEARLY_ALL)) + 1, MOST_LAG)


def _gaps(known: tuple[float, ...], rows: Sequence[Delivered]) -> tuple[Floats, tuple[float, ...]]:
    """Share of the recordings that did not come before each of these, by their starts; NaN until these tell the pace.

    Only within what came together is a start out of order no gap.
    """
    start = np.sort([row.start.timestamp() for row in rows])
    share, taken = np.full(len(rows), np.nan), max(STARTS - len(known), 0)
    known = (*known, *start[:taken].tolist())
    if len(known) < STARTS or not len(start[taken:]):
        return share, known
    usual = pace(np.array(known[:STARTS]))
    if usual is not None:
        gap = gaps(np.concatenate([[known[-1]], np.maximum(start[taken:], known[-1])]), usual)
        share[taken:] = gap / (gap + 1.0)
    return share, (*known[:STARTS], max(known[-1], float(start[-1])))


def _number(rows: Sequence[Delivered]) -> NDArray[np.int64]:
    """Numbers of samples (n,)."""
    return np.array([row.sample for row in rows], np.int64)


def _delivery(serving: Serving, rows: Sequence[Delivered], incidents: Sequence[Incident]) -> dict[str, Series]:
    """How samples came."""
    sensors, length = len(serving.process.sensor_names), serving.process.sample.rows * serving.process.sample.period_s
    nothing, unknown = (0.0,) * (sensors + 2), (np.nan,) * (sensors + 2)
    lost = _told([unknown if row.lost is None else row.lost or nothing for row in rows], rows, incidents)
    late = [np.nan if r.arrived_at is None else (r.arrived_at - r.start).total_seconds() - length for r in rows]
    number = _number(rows)
    if not len(number):
        return {}
    found = {"lost_rows": lost[:, 0], "late_rows": lost[:, 1], "lost_readings": lost[:, 2:]}
    return {kind: (number, one) for kind, one in {**found, LATE: _told(late, rows, incidents)}.items()}


def _labels(serving: Serving, rows: Sequence[Delivered], incidents: Sequence[Incident]) -> dict[str, Series]:
    """Errors of the release that answers, of classes the difference of their indices, and labels that did not come."""
    own = [
        np.nan if row.target is None or row.value is None or row.release != serving.version else row.target - row.value
        for row in rows
    ]
    missing = [float(row.target is None) for row in rows]
    number = _number(rows)
    return {ERROR: (number, _told(own, rows, incidents)), "unlabelled": (number, _told(missing, rows, incidents))}


def _told(values: Sequence[Any] | Floats, rows: Sequence[Delivered], incidents: Sequence[Incident]) -> Floats:
    found = np.array(values, np.float64)
    found[[withheld(incidents, row.sample) for row in rows]] = np.nan
    return found
