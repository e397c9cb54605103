"""Parity: what a release gave when it was made, it gives here, bit for bit, step by step.

A release keeps a trace: a few messages, and what each step made of them. Code that computes another thing today, or a
part that was changed since, is named by the first step that differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DQError
from dq_pipeline.process import Process
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.recording import Recording, assemble, place
from dq_pipeline.samples import SampleBatch
from dq_pipeline.storage import from_npz, to_npz
from dq_pipeline.wire.codec import decode, encode

if TYPE_CHECKING:
    from dq_pipeline.quality.scorer import QualityScorer
    from dq_pipeline.release.bundle import Release

Arrays = dict[str, NDArray[Any]]

STEPS = ("grid", "horizon", "features", "prediction", "interval", "profile", "dimensions", "unified")
"""In the order in which they are computed."""
RECORDINGS = 8
CELLS = 1_000_000
"""A trace is small: so many recordings, or as many as have so many readings, one at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What a release was given and what its steps made of it.

    Attributes
    ----------
    messages
        As they would come from the stream: value and headers. Empty where channels that are no number are encoded.
    recordings
        The same recordings on the grid, for processes whose messages are not kept.
    outputs
        Step -> SHA-256 of its arrays.
    """

    messages: tuple[tuple[bytes, tuple[tuple[str, bytes], ...]], ...]
    recordings: bytes
    outputs: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """An npz archive; nothing in it can run code when read."""
        values = [value for value, _ in self.messages]
        about = {
            "outputs": dict(self.outputs),
            "lengths": [len(value) for value in values],
            "headers": [[[name, value.hex()] for name, value in headers] for _, headers in self.messages],
        }
        return to_npz({"about": _bytes(json.dumps(about).encode()), "messages": _bytes(b"".join(values))} | self._grid)

    @property
    def _grid(self) -> Arrays:
        return {"recordings": _bytes(self.recordings)} if self.recordings else {}

    @classmethod
    def from_bytes(cls, data: bytes) -> Trace:
        """What :meth:`to_bytes` wrote."""
        arrays = from_npz(data, "a release's trace")
        about = json.loads(arrays["about"].tobytes())
        rest, values = arrays["messages"].tobytes(), []
        for length in about["lengths"]:
            values.append(rest[:length])
            rest = rest[length:]
        headers = [tuple((name, bytes.fromhex(value)) for name, value in one) for one in about["headers"]]
        recordings = arrays["recordings"].tobytes() if "recordings" in arrays else b""
        return cls(tuple(zip(values, headers, strict=True)), recordings, MappingProxyType(about["outputs"]))


def traced(release: Release, samples: SampleBatch) -> Trace | None:
    """The trace of a release over the newest of these recordings, whole ones; None if there is none.

    Parameters
    ----------
    samples
        As the release's settings have them.
    """
    count = int(np.clip(CELLS // max(samples.rows * len(samples.sensors), 1), 1, RECORDINGS))
    some = np.flatnonzero(np.isfinite(samples.values).any(axis=(1, 2)))[-count:]
    if not len(some):
        return None
    chosen, process = samples.take(some), _process(release)
    if process.encoded:
        trace = Trace((), chosen.to_bytes(), MappingProxyType({}))
    else:
        encoded = [encode(one, "completion", process) for one in _recordings(chosen)]
        trace = Trace(tuple((value, tuple(headers)) for _, value, headers in encoded), b"", MappingProxyType({}))
    outputs = {name: digest_of(arrays) for name, arrays in compute(release, trace).items()}
    return Trace(trace.messages, trace.recordings, MappingProxyType(outputs))


def differs(release: Release) -> tuple[str, ...]:
    """The steps that give another result here and now than when the release was made, in the order of :data:`STEPS`.

    A step that cannot be computed any more differs, and so do those after it. A release without a trace differs in
    nothing that is known.
    """
    if release.trace is None:
        return ()
    kept = release.trace.outputs
    found = {name: digest_of(arrays) for name, arrays in compute(release, release.trace).items()}
    return tuple(name for name in STEPS if name in kept and found.get(name) != kept[name])


def compute(release: Release, trace: Trace) -> dict[str, Arrays]:
    """What each step makes of a trace's recordings; up to the first one that fails."""
    found: dict[str, Arrays] = {}
    try:
        batch = _placed(release, trace)
        found["grid"] = {"values": batch.values, "received": batch.received, "disordered": batch.disordered}
        found["horizon"] = {"values": batch.head(_process(release).sample.horizon_rows).values}
        matrix = release.features.transform(batch)
        found["features"] = {"matrix": matrix}
        said = release.model.predict(matrix)
        found["prediction"] = {"value": said.value} | _given("probabilities", said.probabilities)
        found["interval"] = {"lower": said.lower, "upper": said.upper} | _given("classes", said.classes)
        found |= _scored(release.completion_scorer, batch)
    except (DQError, ValueError, IndexError, KeyError, TypeError, ArithmeticError):
        return found
    return found


def profile_arrays(found: Profile) -> Arrays:
    """What of a profile has to be the same: its sums may differ in the last bits from one process to the next."""
    names = ("received", "disordered", "counters", "moments", "histogram", "drift_histogram", "drift_features")
    exact = {name: getattr(found, name) for name in names}
    return {name: _single(array) for name, array in exact.items()}


def _single(array: NDArray[Any]) -> NDArray[Any]:
    """Real numbers as single ones: without the last bits, tiny ones, and the sign of zero."""
    return array.astype(np.float32) + np.float32(0.0) if array.dtype == np.float64 else array


def digest_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of arrays by name: shape, kind and bits; every NaN is the same."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), np.nan, array)
        whole.update(f"{name}{array.dtype.str}{array.shape}".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


def _scored(scorer: QualityScorer | None, batch: SampleBatch) -> dict[str, Arrays]:
    if scorer is None:
        return {}
    profiled = profile(batch.head(scorer.reference.rows), scorer.reference)
    scores = scorer.score(profiled)
    return {
        "profile": profile_arrays(profiled),
        "dimensions": {"dimensions": scores.dimensions},
        "unified": {"unified": scores.unified},
    }


def _given(name: str, array: NDArray[Any] | None) -> Arrays:
    return {} if array is None else {name: array}


def _placed(release: Release, trace: Trace) -> SampleBatch:
    if not trace.messages:
        return SampleBatch.from_bytes(trace.recordings)
    process = _process(release)
    read = [decode(value, headers, process).recording for value, headers in trace.messages]
    return assemble([place(one, process, "completion") for one in read], process, "completion")


def _recordings(batch: SampleBatch) -> list[Recording]:
    """Each without the rows after the last reading: what was sent."""
    found = []
    for i, name in enumerate(batch.ids):
        rows = int(np.flatnonzero(np.isfinite(batch.values[i]).any(axis=1))[-1]) + 1
        found.append(Recording(name, batch.sources[i], batch.start[i], batch.sensors, batch.values[i, :rows]))
    return found


def _process(release: Release) -> Process:
    """The settings that decide, with a stream and a history that are nobody's."""
    topics = {"topic": "trace", "labels_topic": "trace.labels", "max_message_bytes": 16_000_000}
    return Process.model_validate(
        {"title": release.process, "stream": topics, "history": {}, **release.settings},
    )


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)
