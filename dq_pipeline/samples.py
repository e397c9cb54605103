"""Sample batches: recordings of one process as arrays, on the clock's grid."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError

Scope = Literal["horizon", "completion"]
TurnBack = Sequence[tuple[str, float, float]]
"""Sensor, gain and offset: it reads gain x truth + offset."""

REASONS = (
    "unreadable",  # not the wire form at all: truncated JSON, broken Arrow, wrong version
    "too_large",  # beyond stream.max_message_bytes, or images of too many pixels
    "unknown_process",
    "schema",  # a field is missing or has the wrong type; an Arrow schema that is not ours
    "columns",  # too few or too many columns, names that do not fit the values
    "not_numeric",  # text where numbers belong
    "empty",  # no rows, or no reading at all
    "too_many_rows",
    "unit",  # a unit that cannot be converted into the process file's
    "time",  # a start in the far future or past, times that cannot be read
    "duplicate",  # this sample was received before
)
"""Codes of why a message is quarantined; counted, stored and shown."""


def turned_back(readings: NDArray[np.float64], gain: float, offset: float) -> NDArray[np.float64]:
    """What a sensor that reads ``gain * truth + offset`` should have read, of any shape; NaN where the gain is 0.

    Examples
    --------
    >>> turned_back(np.array([7.0, 9.0]), 2.0, 1.0).tolist()
    [3.0, 4.0]
    """
    return (readings - offset) / gain if gain else np.full_like(readings, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class SampleBatch:
    """n recordings of one process, rows placed by their clock, in (start, id) order of the caller's choice.

    Attributes
    ----------
    sensors
        f names, the order of the last axis.
    ids, sources
        n ids; unique within the batch.
    start
        (n,) datetime64[us], UTC.
    values
        (n, T, f) float64; NaN where nothing arrived.
    received
        (n,) rows that arrived, repeated and late ones included.
    disordered
        (n,) of them, rows whose time is not later than one already received.
    target
        (n,) float64; the derived target, NaN where it is not (yet) known.
    metadata
        n mappings of free text (calibration ids, firmware, shift, recipe, region).
    """

    sensors: tuple[str, ...]
    ids: tuple[str, ...]
    sources: tuple[str, ...]
    start: NDArray[np.datetime64]
    values: NDArray[np.float64]
    received: NDArray[np.int64]
    disordered: NDArray[np.int64]
    target: NDArray[np.float64]
    metadata: tuple[Mapping[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.values.ndim != 3 or self.values.shape[0] != n or self.values.shape[2] != len(self.sensors):
            raise DataError(
                f"values of shape ({n}, rows, {len(self.sensors)}) expected for {n} ids and "
                f"{len(self.sensors)} sensors, found {self.values.shape}"
            )
        if not self.metadata:
            object.__setattr__(self, "metadata", ({},) * n)
        for name in ("sources", "start", "received", "disordered", "target", "metadata"):
            if len(getattr(self, name)) != n:
                raise DataError(f"{n} entries expected in {name}, found {len(getattr(self, name))}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def rows(self) -> int:
        """T, rows of every recording."""
        return int(self.values.shape[1])

    @property
    def missing_share(self) -> NDArray[np.float64]:
        """Share of each sensor's readings that did not come, (n, f)."""
        return np.asarray(np.isnan(self.values).mean(axis=1), dtype=np.float64)

    @property
    def late_share(self) -> NDArray[np.float64]:
        """Share of the rows received (n,) whose time is not later than one already received."""
        return np.asarray(self.disordered / np.maximum(self.received, 1), dtype=np.float64)

    def head(self, rows: int) -> SampleBatch:
        """The first rows only: what the model may see. A view, nothing is copied.

        Where rows came late is not known, so the share of those that did is taken to be that of the whole recording.
        """
        received = np.minimum(self.received, rows)
        late = np.rint(self.disordered * (received / np.maximum(self.received, 1))).astype(np.int64)
        return replace(self, values=self.values[:, :rows], received=received, disordered=late)

    def between(self, first: int, stop: int) -> SampleBatch:
        """The samples first <= i < stop. A view, nothing is copied."""
        names = ("ids", "sources", "start", "values", "received", "disordered", "target", "metadata")
        return replace(self, **{name: getattr(self, name)[first:stop] for name in names})

    def take(self, index: Sequence[int] | NDArray[np.int64] | NDArray[np.bool_]) -> SampleBatch:
        """The chosen samples, in the order asked for."""
        chosen = np.arange(len(self))[np.asarray(index)] if len(self) and len(index) else np.empty(0, np.int64)
        return SampleBatch(
            sensors=self.sensors,
            ids=tuple(self.ids[i] for i in chosen),
            sources=tuple(self.sources[i] for i in chosen),
            start=self.start[chosen],
            values=self.values[chosen],
            received=self.received[chosen],
            disordered=self.disordered[chosen],
            target=self.target[chosen],
            metadata=tuple(self.metadata[i] for i in chosen),
        )

    def in_order(self) -> SampleBatch:
        """The samples sorted by (start, id), the order in which drift is tested; itself if they are."""
        keys = list(zip(self.start.tolist(), self.ids, strict=True))
        if all(a <= b for a, b in pairwise(keys)):
            return self
        return self.take(np.lexsort((np.asarray(self.ids, dtype=str), self.start)))

    @staticmethod
    def concat(batches: Sequence[SampleBatch]) -> SampleBatch:
        """Several batches of the same sensors and rows, one after the other."""
        if not batches:
            raise DataError("at least one batch expected, found none")
        first = batches[0]
        for batch in batches[1:]:
            if batch.sensors != first.sensors or batch.rows != first.rows:
                raise DataError(
                    f"batches of the same sensors and rows expected, found {batch.sensors} x {batch.rows} "
                    f"beside {first.sensors} x {first.rows}"
                )
        return SampleBatch(
            sensors=first.sensors,
            ids=sum((b.ids for b in batches), ()),
            sources=sum((b.sources for b in batches), ()),
            start=np.concatenate([b.start for b in batches]),
            values=np.concatenate([b.values for b in batches]),
            received=np.concatenate([b.received for b in batches]),
            disordered=np.concatenate([b.disordered for b in batches]),
            target=np.concatenate([b.target for b in batches]),
            metadata=sum((tuple(b.metadata) for b in batches), ()),
        )

    def turned_back(self, corrections: TurnBack) -> SampleBatch:
        """With ``(reading - offset) / gain`` in place of the readings of each sensor named; itself if there is none.

        Examples
        --------
        >>> one = SampleBatch(("p",), ("a",), ("rig",), np.zeros(1, "M8[us]"), np.array([[[29.0], [14.5]]]),
        ...                   np.array([2]), np.array([0]), np.array([np.nan]))
        >>> one.turned_back([("p", 14.5, 0.0)]).values.ravel().tolist()
        [2.0, 1.0]
        """
        known = [(self.sensors.index(name), gain, offset) for name, gain, offset in corrections if name in self.sensors]
        if not known:
            return self
        values = self.values.copy()
        for j, gain, offset in known:
            values[:, :, j] = turned_back(values[:, :, j], gain, offset)
        return replace(self, values=values)

    def to_bytes(self) -> bytes:
        """The batch as an npz archive; bit for bit what :meth:`from_bytes` gives back."""
        out = io.BytesIO()
        self.write(out)
        return out.getvalue()

    def write(self, file: BinaryIO, corrections: TurnBack = ()) -> None:
        """The archive of :meth:`to_bytes`, straight into a file; what is to be turned back is said in it, not done."""
        text: dict[str, Any] = {"sensors": self.sensors, "ids": self.ids, "sources": self.sources}
        text["metadata"] = self.metadata
        if corrections:
            text["corrections"] = [list(one) for one in corrections]
        np.savez(
            file,
            text=np.frombuffer(json.dumps(text, default=dict).encode(), dtype=np.uint8),
            start=self.start.astype("datetime64[us]").view(np.int64),
            values=self.values,
            received=self.received,
            disordered=self.disordered,
            target=self.target,
        )

    @staticmethod
    def ids_of(data: bytes) -> tuple[str, ...]:
        """The ids alone of the batch of :meth:`to_bytes`."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return tuple(json.loads(file["text"].tobytes())["ids"])

    @staticmethod
    def from_bytes(data: bytes, *, raw: bool = False) -> SampleBatch:
        """The batch of :meth:`to_bytes`; what the archive says is to be turned back is, unless `raw`."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            text = json.loads(file["text"].tobytes())
            read = SampleBatch(
                sensors=tuple(text["sensors"]),
                ids=tuple(text["ids"]),
                sources=tuple(text["sources"]),
                start=file["start"].view("datetime64[us]"),
                values=file["values"],
                received=file["received"],
                disordered=file["disordered"],
                target=file["target"],
                metadata=tuple(text["metadata"]),
            )
        return read if raw else read.turned_back(text.get("corrections", ()))
