"""What the recordings that a release learned from were like: what `released` means of the stream itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.storage import from_npz, to_npz

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """The newest n recordings of a training period, in time order.

    Attributes
    ----------
    missing : (n, f)
        Share of each sensor's readings that did not come.
    unified : (n,)
        Scores of the recordings; NaN where they are not known.
    disordered : (n,)
        Share of each recording's rows that came out of order.
    metadata
        Key -> the values it had.
    sources
        Who sent them.
    """

    missing: Floats
    unified: Floats
    disordered: Floats
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.unified)

    def to_bytes(self) -> bytes:
        """An npz archive."""
        words = {"metadata": {key: list(values) for key, values in self.metadata.items()}, "sources": self.sources}
        text = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
        return to_npz({"missing": self.missing, "unified": self.unified, "disordered": self.disordered, "words": text})

    @classmethod
    def from_bytes(cls, data: bytes) -> Period:
        """What :meth:`to_bytes` wrote."""
        arrays = from_npz(data, "a training period")
        words = json.loads(arrays["words"].tobytes())
        metadata = {key: tuple(values) for key, values in words["metadata"].items()}
        return cls(arrays["missing"], arrays["unified"], arrays["disordered"], metadata, tuple(words["sources"]))
