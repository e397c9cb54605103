"""Stretches of the stream as triage looks at them: recordings from the lake, and what the ledger knows of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.drift.cause import LEAST_BEFORE
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.records import Incident
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.clock import as_moment
from dq_pipeline.steps.serving import Serving, has_form
from dq_pipeline.steps.training_data import HISTORY
from dq_pipeline.triage.case import Stretch

MOST_BEFORE = 300

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Samples in stream order with the targets that count; the numbers (n,) of those of history are negative."""

    batch: SampleBatch
    number: NDArray[np.int64]
    rows: int

    @property
    def values(self) -> Floats:
        """(n, T, f), the profile rows."""
        return self.batch.values[:, : self.rows]

    def __len__(self) -> int:
        return len(self.number)

    def take(self, chosen: Mask | slice) -> Known:
        """Some of them."""
        index = np.arange(len(self))[chosen]
        return replace(self, batch=self.batch.take(index), number=self.number[index])

    def after(self, earlier: Known) -> Known:
        """These, behind those."""
        joined = SampleBatch.concat([earlier.batch, self.batch])
        return replace(self, batch=joined, number=np.concatenate([earlier.number, self.number]))


def recorded(world: World, serving: Serving, first: int, stop: int, *, raw: bool = False) -> Known | None:
    """Committed samples numbered first <= number < stop that have the release's form; None if there are none.

    Parameters
    ----------
    raw
        As the sensors read: what was corrected is not turned back.
    """
    process = serving.process
    batches, numbers = [], []
    for count, samples in recordings(world, serving, first, stop, raw=raw):
        chosen = (count >= first) & (count < stop)
        batches.append(samples.take(chosen).head(_rows(process)))
        numbers.append(count[chosen])
    return _known(world, process, batches, numbers)


def recordings(
    world: World, serving: Serving, first: int, stop: int, *, raw: bool = False
) -> Iterator[tuple[NDArray[np.int64], SampleBatch]]:
    """Numbers (n,) and recordings of each micro-batch that has samples numbered first <= number < stop, oldest first.

    Those that are in the lake no more, or have another form than the release's, are left out.
    """
    for row in world.ledger.committed(serving.process.name, first_sample=first):
        if not row.samples or row.first_sample >= stop:
            continue
        try:
            samples = SampleBatch.from_bytes(world.lake.get(f"{row.uri}/samples.npz"), raw=raw)
        except FileNotFoundError:
            continue
        if has_form(samples, serving.process):
            yield np.arange(row.first_sample, row.first_sample + row.samples), samples


def known_before(world: World, serving: Serving, first: int) -> Known | None:
    """The newest samples before the one numbered `first` that no incident withholds, history where they are few.

    Only those of the release's own regime, where they are enough.
    """
    name, begin = serving.process.name, serving.bundle.reference_from
    incidents = world.ledger.incidents(name)
    found = recorded(world, serving, max(first - 2 * MOST_BEFORE, 0), first)
    count = 0
    if found is not None:
        kept = np.array([not withheld(incidents, n) for n in found.number.tolist()], dtype=np.bool_)
        if begin is not None and (kept & (found.number >= begin)).sum() >= LEAST_BEFORE:
            kept &= found.number >= begin
        found, count = found.take(kept), int(kept.sum())
    if count < MOST_BEFORE and (begin is None or count < LEAST_BEFORE):
        past = _history(world, serving.process, MOST_BEFORE - count)
        if past is not None:
            found = past if found is None else found.after(past)
    return None if found is None else found.take(slice(max(len(found) - MOST_BEFORE, 0), None))


def withheld(incidents: Collection[Incident], sample: int) -> bool:
    """Whether an incident forbids to learn from the sample of this number."""
    return any(incident.withholds(sample) for incident in incidents)


def stretch(world: World, serving: Serving, known: Known, beside: Sequence[Serving] = ()) -> Stretch:
    """What the ledger knows of some samples, beside what they show.

    Parameters
    ----------
    beside
        Other releases, asked what they would have answered.
    """
    process, batch, ledger = serving.process, known.batch, world.ledger
    live = [name for name, number in zip(batch.ids, known.number.tolist(), strict=True) if number >= 0]
    answers, seen = ledger.answers(process.name, live), ledger.completions(process.name, live)
    said, shadows = ledger.sayings(process.name, live), ledger.shadows(process.name, live)
    own = [None if one is None or one.fallback else one for one in map(answers.get, batch.ids)]
    shadow = {version: _column([rows.get(name) for name in batch.ids]) for version, rows in shadows.items()}
    shadow |= {one.version: np.asarray(one.bundle.predict(batch).value, dtype=np.float64) for one in beside}
    return Stretch(
        number=known.number,
        values=known.values,
        target=batch.target,
        value=_column([None if one is None else one.value for one in own]),
        lower=_column([None if one is None else one.lower for one in own]),
        upper=_column([None if one is None else one.upper for one in own]),
        release=tuple("" if one is None else one.release for one in own),
        dimensions=np.stack(
            [_column([seen[n].dimensions.get(d) if n in seen else None for n in batch.ids]) for d in DIMENSIONS], axis=1
        ),
        late=_column(_lateness(process, batch, {n: one.arrived_at for n, one in seen.items() if one.arrived_at})),
        source=batch.sources,
        metadata=tuple(batch.metadata),
        features=serving.bundle.features.transform(batch),
        labels=tuple(
            tuple({"origin": o.origin, "annotator": o.annotator, "value": o.value} for o in said.get(name, ()))
            for name in batch.ids
        ),
        shadow=shadow,
        disordered=batch.late_share,
    )


def _lateness(process: Process, batch: SampleBatch, arrived: Mapping[str, object]) -> list[float | None]:
    """Seconds from the end of each recording to its arrival."""
    length = np.timedelta64(round(process.sample.length_s * 1e6), "us")
    ends = batch.start.astype("datetime64[us]") + length
    return [
        None if name not in arrived else float((as_moment(arrived[name]) - end) / np.timedelta64(1, "s"))  # type: ignore[arg-type]
        for name, end in zip(batch.ids, ends, strict=True)
    ]


def _column(found: Sequence[float | None]) -> Floats:
    return np.array(found, dtype=np.float64)  # None is NaN


def _rows(process: Process) -> int:
    return max(process.sample.profile_rows, process.sample.horizon_rows)


def _known(
    world: World, process: Process, batches: Sequence[SampleBatch], numbers: Sequence[NDArray[np.int64]]
) -> Known | None:
    if not batches:
        return None
    joined = SampleBatch.concat(batches)
    truth = world.ledger.targets(process.name, joined.ids)
    target = [truth.get(name, sent) for name, sent in zip(joined.ids, joined.target.tolist(), strict=True)]
    joined = replace(joined, target=np.array(target, dtype=np.float64))
    return Known(joined, np.concatenate(numbers).astype(np.int64), process.sample.profile_rows)


def _history(world: World, process: Process, wanted: int) -> Known | None:
    """The newest annotated recordings of history."""
    fact = world.ledger.fact(process.name, HISTORY)
    found: list[SampleBatch] = []
    for chunk in reversed(fact["chunks"] if fact is not None else []):
        if wanted <= 0:
            break
        batch = SampleBatch.from_bytes(world.lake.get(chunk["uri"]))
        if not has_form(batch, process):
            break
        newest = batch.take(np.arange(max(len(batch) - wanted, 0), len(batch)))
        found.append(newest.head(_rows(process)))
        wanted -= len(newest)
    count = sum(map(len, found))
    return _known(world, process, found[::-1], [np.arange(-count, 0)]) if found else None
