"""The form gate over a micro-batch: what can be read becomes two sample batches, the rest is quarantined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Placed, assemble_rows, place, rows_of
from dq_pipeline.records import Outgoing, Quarantined, RawMessage
from dq_pipeline.samples import SampleBatch, Scope
from dq_pipeline.steps.dead_letters import letter
from dq_pipeline.wire.codec import KIND, decode

Seen = Callable[[Scope, Sequence[str]], set[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Gated:
    """What came through, in stream order, and what did not.

    Attributes
    ----------
    horizons, completions
        Samples sorted by (start, id); a sample may be in both.
    origins
        Per scope and sample id the message that it came in.
    unknown
        Columns that are no sensor of the process, by how many messages had them: ignored, and reported.
    """

    horizons: SampleBatch
    completions: SampleBatch
    origins: dict[Scope, dict[str, RawMessage]]
    quarantined: tuple[Quarantined, ...]
    dead_letters: tuple[Outgoing, ...]
    unknown: dict[str, int]
    messages: int


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The messages of a micro-batch, read and placed, before it is known which samples came in an earlier one."""

    messages: int
    placed: dict[Scope, dict[str, tuple[RawMessage, Placed]]]
    grids: dict[Scope, NDArray[np.float64]]
    refused: list[tuple[RawMessage, Scope | None, SampleError]]
    unknown: Counter[str]


def gate(messages: Sequence[RawMessage], process: Process, now: np.datetime64, seen: Seen) -> Gated:
    """Decode and place every message; a bad one never stops the others.

    Parameters
    ----------
    seen
        Which of these samples were accepted in this scope before.
    """
    return sort_out(decode_all(messages, process, now), process, seen)


def decode_all(messages: Sequence[RawMessage], process: Process, now: np.datetime64) -> Decoded:
    """Decode and place every message: what of :func:`gate` needs the messages alone."""
    refused: list[tuple[RawMessage, Scope | None, SampleError]] = []
    placed: dict[Scope, dict[str, tuple[RawMessage, Placed]]] = {"horizon": {}, "completion": {}}
    grids = {scope: _grids(messages, process, scope) for scope in placed}
    unknown: Counter[str] = Counter()
    for message in messages:
        scope: Scope | None = None
        try:
            read = decode(message.value, message.headers, process, now, message.key)
            scope = read.scope
            if read.recording.sample_id in placed[scope]:
                first = placed[scope][read.recording.sample_id][0]
                raise _duplicate(read.recording.sample_id, scope, f"offset {first.offset} of this micro-batch")
            number = len(placed[scope])
            grid = grids[scope][number] if number < len(grids[scope]) else None
            placed[scope][read.recording.sample_id] = (message, place(read.recording, process, scope, into=grid))
            unknown.update(read.unknown)
        except SampleError as error:
            refused.append((message, scope, error))
    return Decoded(len(messages), placed, grids, refused, unknown)


def sort_out(decoded: Decoded, process: Process, seen: Seen) -> Gated:
    """Refuse what was seen before, and make batches of the rest: what is left of :func:`gate`; uses `decoded` up."""
    placed, grids, refused, unknown = decoded.placed, decoded.grids, decoded.refused, decoded.unknown
    for scope, samples in placed.items():
        again = sorted(seen(scope, tuple(samples))) if samples else []
        refused.extend((samples.pop(known)[0], scope, _duplicate(known, scope, "an earlier batch")) for known in again)
    return Gated(
        horizons=_batch(placed["horizon"], process, grids["horizon"]),
        completions=_batch(placed["completion"], process, grids["completion"]),
        origins={scope: {name: message for name, (message, _) in samples.items()} for scope, samples in placed.items()},
        quarantined=tuple(
            Quarantined(m.partition, m.offset, error.reason, error.detail, error.sample_id, scope)
            for m, scope, error in refused
        ),
        dead_letters=tuple(letter(m, process, process.stream.topic, error) for m, _, error in refused),
        unknown=dict(unknown),
        messages=decoded.messages,
    )


def _duplicate(sample_id: str, scope: Scope, where: str) -> SampleError:
    return SampleError("duplicate", f"expected one {scope} message per sample; found another in {where}", sample_id)


def _grids(messages: Sequence[RawMessage], process: Process, scope: Scope) -> NDArray[np.float64]:
    """Room for the samples of the messages that say they are of this scope, or do not say."""
    kinds = (dict(message.headers).get(KIND) for message in messages)
    most = sum(kind in (None, scope.encode()) for kind in kinds)
    return np.empty((most, rows_of(process, scope), len(process.sensors)))


def _batch(samples: dict[str, tuple[RawMessage, Placed]], process: Process, grids: NDArray[np.float64]) -> SampleBatch:
    """The samples in (start, id) order, moved to their places where they lie: a copy would cost as much again."""
    found = sorted((one for _, one in samples.values()), key=lambda one: (one.start, one.sample_id))
    if any(one.values.base is not grids for one in found):  # more than said so
        return assemble_rows(found, process, grids.shape[1])
    first, size = grids.__array_interface__["data"][0], grids[:1].nbytes
    places = [(one.values.__array_interface__["data"][0] - first) // size for one in found]
    return assemble_rows(found, process, grids.shape[1], _moved(grids, places))


def _moved(grids: NDArray[np.float64], places: Sequence[int]) -> NDArray[np.float64]:
    """The grids at these places, in this order; if they are the first n of them, without a copy of them all."""
    n = len(places)
    if sorted(places) != list(range(n)):
        return grids[np.asarray(places, np.int64)]
    done = [False] * n
    for start in range(n):
        if done[start] or places[start] == start:
            continue
        held, here = grids[start].copy(), start
        while places[here] != start:
            grids[here] = grids[places[here]]
            done[here], here = True, places[here]
        grids[here] = held
        done[here] = True
    return grids[:n]
