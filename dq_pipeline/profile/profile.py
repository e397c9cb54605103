"""Profiles: what is kept of each sample, and what a window's sum is made of."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.by_sensor import by_sensor
from dq_pipeline.profile.drift_features import FEATURES
from dq_pipeline.profile.kernel import BINS, COUNTERS, MOMENTS, profile_into
from dq_pipeline.samples import SampleBatch
from dq_pipeline.storage import from_npz

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Profile:
    """Profiles of n samples (or sums of samples) against one reference.

    Attributes
    ----------
    reference_id
        The reference whose bins these are; only its profiles add up.
    samples : (n,)
        Samples in each entry: 1, or how many a sum holds.
    received, disordered : (n,)
        Rows that arrived, and of them those not later than one already received.
    counters : (n, f, 10)
        Counted cells, in the order of `kernel.COUNTERS`.
    moments : (n, f, 7)
        Sums over cells, in the order of `kernel.MOMENTS`.
    histogram : (n, f, K, 33)
        Cells per phase and quantile bin of the reference; the last bin counts missing cells.
    drift_histogram : (n, f, 33)
        Cells per quantile bin over the whole recording, beside the bins of each phase: what drift is measured by.
    drift_features : (n, 7, f)
        Features of the drift test. They belong to single samples: NaN in a sum.
    """

    reference_id: str
    samples: Integers
    received: Integers
    disordered: Integers
    counters: Integers
    moments: Floats
    histogram: NDArray[Any]
    drift_histogram: NDArray[Any]
    drift_features: Floats

    def __len__(self) -> int:
        return len(self.samples)

    def counted(self, name: str) -> Integers:
        """One counter of `kernel.COUNTERS`, (n, f)."""
        counts: Integers = self.counters[:, :, COUNTERS.index(name)]
        return counts

    @property
    def expected(self) -> Integers:
        """Cells that should have arrived, (n, f)."""
        return self.counted("expected")

    @property
    def seen(self) -> Integers:
        """Cells that did arrive, (n, f)."""
        return self.counted("seen")

    def take(self, index: Sequence[int] | slice | NDArray[np.int64] | NDArray[np.bool_]) -> Profile:
        """The chosen entries, in the order asked for."""
        chosen = np.arange(len(self))[index]
        return replace(self, **{name: getattr(self, name)[chosen] for name in _ARRAYS})

    def total(self) -> Profile:
        """The sum of all entries, as one entry: the profile of the window they make."""
        sums = {name: getattr(self, name).sum(axis=0, keepdims=True) for name in _ARRAYS}
        for name in ("histogram", "drift_histogram"):
            sums[name] = getattr(self, name).sum(axis=0, keepdims=True, dtype=np.int64)
        sums["drift_features"] = np.full((1, *self.drift_features.shape[1:]), np.nan)
        return replace(self, **sums)

    @staticmethod
    def concat(profiles: Sequence[Profile]) -> Profile:
        """Several profiles of one reference, one after the other.

        Raises
        ------
        DataError
            If there is none, or if they are of different references.
        """
        found = {profile.reference_id for profile in profiles}
        if len(found) != 1:
            raise DataError(f"Expected profiles of one reference, found {len(found)}: {', '.join(sorted(found))}")
        joined = {name: np.concatenate([getattr(profile, name) for profile in profiles]) for name in _ARRAYS}
        return Profile(reference_id=found.pop(), **joined)

    def to_bytes(self) -> bytes:
        """An npz archive of all it holds."""
        file = io.BytesIO()
        self.write(file)
        return file.getvalue()

    def write(self, file: BinaryIO) -> None:
        """The archive of :meth:`to_bytes`, straight into a file."""
        np.savez(file, reference_id=np.asarray(self.reference_id), **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def from_bytes(cls, data: bytes) -> Profile:
        """The profile of :meth:`to_bytes`, bit for bit.

        Raises
        ------
        DataError
            If the bytes are no such archive.
        """
        arrays = from_npz(data, "a profile")
        if set(arrays) != {"reference_id", *_ARRAYS}:
            raise DataError(f"Expected the arrays of a profile, found {', '.join(sorted(arrays)) or 'none'}")
        return cls(reference_id=str(arrays.pop("reference_id")), **arrays)


AT_ONCE = 25
"""Samples worth a thread of their own."""
_ARRAYS = tuple(field.name for field in fields(Profile) if field.name != "reference_id")


def profile(batch: SampleBatch, reference: Reference) -> Profile:
    """Profile every sample of a batch in one pass.

    Parameters
    ----------
    batch
        Samples with the reference's sensors and rows.

    Raises
    ------
    DataError
        If the sensors or the rows are not the reference's.
    """
    if batch.sensors != reference.sensors or batch.rows != reference.rows:
        raise DataError(
            f"Expected samples of {reference.rows} rows of {', '.join(reference.sensors)}; "
            f"found {batch.rows} rows of {', '.join(batch.sensors)}"
        )
    n, f = len(batch), len(batch.sensors)
    made = Profile(
        reference_id=reference.id,
        samples=np.ones(n, np.int64),
        received=batch.received,
        disordered=batch.disordered,
        counters=np.zeros((n, f, len(COUNTERS)), np.int64),
        moments=np.zeros((n, f, len(MOMENTS))),
        histogram=np.zeros((n, f, reference.phases, BINS + 1), np.uint32),
        drift_histogram=np.zeros((n, f, BINS + 1), np.uint32),
        drift_features=np.empty((n, len(FEATURES), f)),
    )
    columns = by_sensor(batch.values)
    broken, concerned = _rule_breaks(columns, reference)
    rows = reference.drift
    profile_into(
        columns,
        reference.starts,
        reference.lower,
        reference.upper,
        reference.grid_low,
        reference.grid_per_unit,
        reference.table,
        reference.whole_low,
        reference.whole_per_unit,
        reference.whole_table,
        reference.spike_limit,
        reference.step_limit,
        reference.run_limit,
        reference.range_low,
        reference.range_high,
        rows.median,
        rows.sd,
        rows.q10,
        rows.q90,
        rows.residual,
        broken,
        np.any(broken, axis=2),
        concerned,
        made.counters,
        made.moments,
        made.histogram,
        made.drift_histogram,
        made.drift_features,
    )
    return made


def profile_in_parts(batch: SampleBatch, reference: Reference, pool: Executor) -> Profile:
    """The same on several cores: the compiled passes hold no lock.

    Parameters
    ----------
    pool
        Threads that take `AT_ONCE` samples at a time.
    """
    if len(batch) <= AT_ONCE:
        return profile(batch, reference)
    parts = [batch.between(first, min(first + AT_ONCE, len(batch))) for first in range(0, len(batch), AT_ONCE)]
    return Profile.concat(list(pool.map(lambda part: profile(part, reference), parts)))


def _rule_breaks(columns: Floats, reference: Reference) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where each rule is broken (R, n, T), and the sensors it names (R, f)."""
    rules = reference.parsed_rules
    n, f, padded = columns.shape
    broken = np.empty((len(rules), n, padded - 2), np.bool_)
    concerned = np.zeros((len(rules), f), np.bool_)
    named = {name: columns[:, j, 1:-1] for j, name in enumerate(reference.sensors)}
    with np.errstate(all="ignore"):
        for r, rule in enumerate(rules):
            broken[r] = rule.broken(named)
            concerned[r] = [name in rule.sensors for name in reference.sensors]
    return broken, concerned
