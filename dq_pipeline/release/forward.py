"""Errors of a release on samples that it had not learned from: what is usual of them from its first answer on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.storage import from_npz, to_npz


@dataclass(frozen=True, slots=True, eq=False)
class ForwardErrors:
    """Of predictions made forward in time, each by a model that had not seen the sample.

    Attributes
    ----------
    error : (m,)
        Truth less prediction in time order, in the target's unit; of classes the difference of their indices.
    """

    error: NDArray[np.float64]

    def to_bytes(self) -> bytes:
        """As npz."""
        return to_npz({"error": self.error})

    @classmethod
    def from_bytes(cls, data: bytes) -> ForwardErrors:
        """What :meth:`to_bytes` wrote.

        Raises
        ------
        DataError
            If the bytes are something else.
        """
        arrays = from_npz(data, "errors of a release")
        if set(arrays) != {"error"} or arrays["error"].ndim != 1:
            raise DataError(f"one array 'error' of one dimension expected, found {', '.join(arrays) or 'none'}")
        return cls(arrays["error"].astype(np.float64))
