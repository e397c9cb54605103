"""Feed recordings to a process' stream, with defects and a known drift where asked; says exactly what was sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dq_pipeline.errors import DataError
from dq_pipeline.late_labels import Labels, Late, labelled, without_target
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import Outgoing
from dq_pipeline.samples import Scope
from dq_pipeline.simulate.damage import DAMAGES, corrupt_message
from dq_pipeline.simulate.drifts import with_drift
from dq_pipeline.simulate.faults import FAULTS, inject, robust_scale
from dq_pipeline.wire.codec import Form, encode

SCALED_ON = 50
"""Recordings that the sizes of faults and drifts are taken from."""
_GROUP = 10
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Drift:
    """A lasting change to put on top of recordings; see :func:`dq_pipeline.simulate.drifts.with_drift`.

    `at` counts the fed recordings from 0.
    """

    at: int
    kind: str = "process_change"
    sensors: tuple[str, ...] = ()
    size: float = 2.0
    target_shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Feed:
    """What is to be sent.

    Attributes
    ----------
    faults
        Sample id -> the fault its recording carries.
    damaged
        Sample id -> how its messages are spoilt.
    strays
        Messages that are nobody's recording, without a readable id.
    injected
        Id of the first recording of the known drift.
    labels
        What says the target later, where the recordings do not.
    """

    recordings: tuple[Recording, ...]
    faults: Mapping[str, str] = field(default_factory=dict)
    damaged: Mapping[str, str] = field(default_factory=dict)
    strays: tuple[bytes, ...] = ()
    injected: str | None = None
    seed: int = 0
    labels: Labels | None = None

    @property
    def total(self) -> int:
        """Recordings as the ledger counts them: by id, a message without one as one."""
        return len({recording.sample_id for recording in self.recordings}) + len(self.strays)

    def manifest(self, process: Process, sent: int) -> dict[str, Any]:
        """What was sent, as JSON can hold it; `sent` recordings of those that were to be."""
        ids = [recording.sample_id for recording in self.recordings[:sent]]
        known = set(ids)
        return {
            "process": process.name,
            "topic": process.stream.topic,
            "recordings": len(known) + len(self.strays),
            "strays": len(self.strays),
            "faults": {name: kind for name, kind in self.faults.items() if name in known},
            "damaged": {name: kind for name, kind in self.damaged.items() if name in known},
            "injected": self.injected if self.injected in known else None,
            "injected_position": ids.index(self.injected) if self.injected in known else None,
            "labels": None if self.labels is None else self.labels.manifest(ids),
            "ids": ids,
        }


def prepare(
    recordings: Sequence[Recording],
    process: Process,
    *,
    seed: int,
    faults: float = 0.0,
    damaged: Sequence[str] = (),
    strays: int = 0,
    drift: Drift | None = None,
    injected: str | None = None,
    late: Late | None = None,
) -> Feed:
    """Put the drift on recordings, then faults on a share of them, and choose whose messages are to be spoilt.

    Parameters
    ----------
    faults
        Share of the recordings that carry one fault each.
    damaged
        Kinds of :data:`dq_pipeline.simulate.damage.DAMAGES`, each for one recording.
    injected
        Id of the first recording of a drift that is in the recordings already.
    late
        Labels say the target instead of the recordings, so late; None: the recordings say it.

    Raises
    ------
    DataError
        If there are no recordings, a kind is unknown, or no target can be told for labels.
    """
    if not recordings:
        raise DataError("recordings expected to feed, found none; look at --first, or at the file")
    if unknown := sorted(set(damaged) - set(DAMAGES)):
        raise DataError(f"Unknown damage {', '.join(unknown)}. Registered: {', '.join(DAMAGES)}.")
    rng, count = np.random.default_rng(seed), len(recordings)
    scale = _scale(recordings)
    shaped = list(recordings)
    if drift is not None:
        if not 0 <= drift.at < count:
            raise DataError(f"a drift within the {count} recordings to feed expected, found one at {drift.at}")
        sensors = drift.sensors or process.measured
        shaped = with_drift(
            shaped,
            drift.at,
            drift.kind,
            sensors=sensors,
            size=drift.size,
            scale=scale,
            target_shift=drift.target_shift,
        )
        injected = shaped[drift.at].sample_id
    order = rng.permutation([i for i in range(count) if shaped[i].sample_id != injected]).tolist()
    spoilt = {shaped[i].sample_id: kind for i, kind in zip(order, damaged, strict=False)}
    faulty: dict[str, str] = {}
    true = shaped.copy()
    for i in order[len(damaged) : len(damaged) + round(faults * count)]:
        kind = str(rng.choice(list(FAULTS)))
        shaped[i] = inject(shaped[i], kind, float(rng.uniform(0.3, 1.0)), rng, scale, process.sample.period_s)
        faulty[shaped[i].sample_id] = kind
    noise = tuple(b"\x00stray " + rng.bytes(24) for _ in range(strays))
    labels = None
    if late is not None:
        whole = [one.sample_id for one in shaped if one.sample_id not in faulty and one.sample_id not in spoilt]
        labels = labelled(true, process, late, seed=seed, whole=whole)
        shaped = [without_target(one) for one in shaped]
    return Feed(tuple(shaped), faulty, spoilt, noise, injected, seed, labels)


def publish(
    world: World,
    process: Process,
    feed: Feed,
    *,
    form: Form = "arrow",
    rate: float | None = None,
    ahead: int | None = None,
    lead: int = 0,
    first: int = 0,
    stop: int | None = None,
    on_sent: Callable[[int], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Publish recordings first <= number < stop, each as its horizon and, later, its completion.

    Parameters
    ----------
    rate
        Recordings a second; None: as fast as the broker takes them.
    ahead
        Wait while so many messages are unread by the pipeline; None: never. Needs the ledger.
    lead
        Recordings whose horizon is sent before a completion follows, as where several run at once.
    on_sent
        Called with how many recordings are complete on the stream.
    cancelled
        Asked between messages; what was begun is left whole.

    Returns
    -------
    int
        The number after the last recording that was sent whole.
    """
    stop = len(feed.recordings) if stop is None else min(stop, len(feed.recordings))
    began, sent = time.monotonic(), first
    for begin in range(first, stop, _GROUP):
        end = min(begin + _GROUP, stop)
        while ahead is not None and not cancelled() and unread(world, process) > ahead:
            time.sleep(_LOOK_S)
        if cancelled():
            break
        if rate is not None:
            time.sleep(max(0.0, began + (end - first) / rate - time.monotonic()))
        world.stream.publish(_group(process, feed, begin, end, lead, form))
        sent = end
        on_sent(sent)
    return sent


def unread(world: World, process: Process) -> int:
    """Messages on the samples topic that no micro-batch has claimed."""
    topic = process.stream.topic
    positions = world.ledger.positions(process.name, topic)
    marks = world.stream.watermarks(topic)
    return sum(max(end - max(positions.get(p, first), first), 0) for p, (first, end) in marks.items())


def _group(process: Process, feed: Feed, begin: int, end: int, lead: int, form: Form) -> Iterator[Outgoing]:
    """Messages of a few recordings: each completion after its horizon and up to `lead` later horizons."""
    for i in range(begin, end + lead):
        if i < end:
            yield from _messages(process, feed, i, "horizon", form)
        if begin <= i - lead < end:
            yield from _messages(process, feed, i - lead, "completion", form)
            if feed.labels is not None:
                yield from feed.labels.after(i - lead, feed.recordings, process)
    places = np.linspace(0, len(feed.recordings), len(feed.strays) + 2)[1:-1].astype(int)
    for place, value in zip(places, feed.strays, strict=True):
        if begin <= place < end:
            yield Outgoing(process.stream.topic, b"", value, ())


def _messages(process: Process, feed: Feed, i: int, scope: Scope, form: Form) -> Iterator[Outgoing]:
    recording = feed.recordings[i]
    if scope == "horizon":
        recording = cut(recording, process.sample.horizon_rows, process.sample.period_s)
    key, value, headers = encode(recording, scope, process, form)
    damage = feed.damaged.get(recording.sample_id)
    sent = [(value, headers)]
    if damage is not None:
        sent = corrupt_message(value, headers, damage, np.random.default_rng([feed.seed, i]))
    for content, labels in sent:
        yield Outgoing(process.stream.topic, key, content, tuple(labels))


def _scale(recordings: Sequence[Recording]) -> dict[str, float]:
    """Robust standard deviation by column, from the first recordings."""
    shown = [one for one in recordings[:SCALED_ON] if one.sensors == recordings[0].sensors]
    values = np.concatenate([one.values for one in shown])
    return dict(zip(recordings[0].sensors, robust_scale(values).tolist(), strict=True))
