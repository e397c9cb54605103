"""The reference: what recordings of a process usually look like, as limits and bins for the compiled pass."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.process import Process
from dq_pipeline.profile.drift_features import RowConstants, fit_row_constants
from dq_pipeline.profile.encoded import relax
from dq_pipeline.profile.kernel import BINS, CELLS, longest_runs, phase_starts
from dq_pipeline.rules import Rule, parse
from dq_pipeline.samples import SampleBatch
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SPAN_FLOOR = 1e-3
_FLOOR = 1e-9
_MAD_TO_SD = 1.4826
_SD_TO_SPAN = 3.29
_GRID_FLOORS = 8.0


@dataclass(frozen=True, eq=False)
class Reference:
    """Limits and bins fitted on N reference samples of T rows and f sensors, in K phases.

    Attributes
    ----------
    sensors, rules
        f names and the process' consistency rules as texts.
    samples
        N, how many samples it was fitted on.
    known : (f,)
        Sensors of which the reference holds any reading; the others cannot be judged.
    starts : (K + 1,)
        First row of each phase, then T.
    floor : (f,)
        Smallest scale taken seriously: 1e-3 of the sensor's 1 to 99 % span, at least 1e-9.
    median, lower, upper : (f, T)
        Per row; the envelope is ``[q05 - 1.5 w, q95 + 1.5 w]``, ``w = max(q95 - q05, 3.29 robust sd, floor)``.
        A row never seen has no limits and no median. Columns that are no readings have wider ones: see `encoded.relax`.
    grid_low, grid_per_unit : (f, K)
        Uniform grid of 512 cells over the 1 to 99 % span of a phase.
    table : (f, K, 512) uint8
        Quantile bin of each cell.
    bins : (f, K, 32)
        Counts of the reference's own readings; none for categories.
    whole_low, whole_per_unit, whole_table : (f,), (f,), (f, 512) uint8
        Grid and table of 32 quantile bins over the whole recording: those of the drift tests.
    whole_bins : (f, 33)
        Counts of the reference's own cells in them; the last bin holds the missing ones.
    spike_limit : (f, K)
        4 times the 99 % quantile of ``|v - median(previous, v, next)|``.
    step_limit : (f,)
        4 times the 99 % quantile of the step between neighbouring rows.
    run_limit : (f,)
        2 times the 95 % quantile of a sample's longest run of equal readings, plus 3.
    range_low, range_high : (f,)
        The process file's physical range.
    drift
        Row constants of the drift features.
    """

    sensors: tuple[str, ...]
    rules: tuple[str, ...]
    samples: int
    known: NDArray[np.bool_]
    starts: Integers
    floor: Floats
    median: Floats
    lower: Floats
    upper: Floats
    grid_low: Floats
    grid_per_unit: Floats
    table: NDArray[np.uint8]
    bins: Floats
    whole_low: Floats
    whole_per_unit: Floats
    whole_table: NDArray[np.uint8]
    whole_bins: Floats
    spike_limit: Floats
    step_limit: Floats
    run_limit: Integers
    range_low: Floats
    range_high: Floats
    drift: RowConstants

    @classmethod
    def fit(cls, batch: SampleBatch, process: Process) -> Reference:
        """Fit on every sample of a batch (200 or more are needed for calibrated scores, 300 are better).

        The batch has the rows that will be profiled: the caller cuts it with ``batch.head(rows)``.

        Raises
        ------
        DataError
            If the batch is empty or its sensors are not the process'.
        """
        if batch.sensors != process.sensor_names:
            raise DataError(f"Expected the sensors {process.sensor_names}, found {batch.sensors}")
        if len(batch) == 0 or batch.rows < 2:
            raise DataError(f"Expected samples of at least 2 rows, found {len(batch)} of {batch.rows} rows")
        values = np.where(np.isfinite(batch.values), batch.values, np.nan)
        f, starts = len(batch.sensors), phase_starts(batch.rows)
        phases = len(starts) - 1
        known = np.asarray(np.isfinite(values).any(axis=(0, 1)))
        floor = np.full(f, _FLOOR)
        grid_low, grid_per_unit = np.zeros((f, phases)), np.ones((f, phases))
        table, bins = np.zeros((f, phases, CELLS), np.uint8), np.zeros((f, phases, BINS))
        whole_low, whole_per_unit = np.zeros(f), np.ones(f)
        whole_table, whole_bins = np.zeros((f, CELLS), np.uint8), np.zeros((f, BINS + 1))
        whole_bins[:, BINS] = np.isnan(values).sum(axis=(0, 1))
        spike_limit, step_limit = np.full((f, phases), np.inf), np.full(f, np.inf)
        steps, spikes = np.abs(np.diff(values, axis=1)), _spike_heights(values)
        for j in np.flatnonzero(known):
            readings = _seen(values[:, :, j])
            low, high = np.quantile(readings, (0.01, 0.99))
            floor[j] = max(_SPAN_FLOOR * (high - low), _FLOOR)
            whole_low[j], whole_per_unit[j], whole_table[j], whole_bins[j, :BINS] = _quantile_bins(readings, floor[j])
            step_limit[j] = _limit(steps[:, :, j], floor[j])
            for k, (start, stop) in enumerate(pairwise(starts)):
                spike_limit[j, k] = _limit(spikes[:, start:stop, j], floor[j])
                readings = _seen(values[:, start:stop, j])
                if readings.size:
                    grid_low[j, k], grid_per_unit[j, k], table[j, k], bins[j, k] = _quantile_bins(readings, floor[j])
        median, lower, upper = _envelope(values, floor)
        relax(process, values, lower, upper, step_limit, bins)
        runs = longest_runs(np.ascontiguousarray(values))
        ranges = np.array([process.sensors[name].range for name in batch.sensors], dtype=np.float64)
        return cls(
            sensors=batch.sensors,
            rules=process.rules,
            samples=len(batch),
            known=known,
            starts=starts,
            floor=floor,
            median=median,
            lower=lower,
            upper=upper,
            grid_low=grid_low,
            grid_per_unit=grid_per_unit,
            table=table,
            bins=bins,
            whole_low=whole_low,
            whole_per_unit=whole_per_unit,
            whole_table=whole_table,
            whole_bins=whole_bins,
            spike_limit=spike_limit,
            step_limit=step_limit,
            run_limit=np.ceil(2 * np.quantile(runs, 0.95, axis=0) + 3).astype(np.int64),
            range_low=ranges[:, 0].copy(),
            range_high=ranges[:, 1].copy(),
            drift=fit_row_constants(values),
        )

    @property
    def rows(self) -> int:
        """T, rows of every sample it profiles."""
        return int(self.starts[-1])

    @property
    def phases(self) -> int:
        """K, phases a sample is split into."""
        return len(self.starts) - 1

    @cached_property
    def parsed_rules(self) -> tuple[Rule, ...]:
        """The consistency rules, ready to be evaluated."""
        return tuple(parse(text) for text in self.rules)

    @cached_property
    def id(self) -> str:
        """A hash of all it holds; profiles carry it, and only profiles of one reference add up."""
        digest = hashlib.sha256()
        for name, array in sorted(arrays_of(self).items()):
            digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:32]

    def to_bytes(self) -> bytes:
        """An npz archive of all it holds."""
        return to_npz(arrays_of(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Reference:
        """The reference of :meth:`to_bytes`, bit for bit.

        Raises
        ------
        DataError
            If the bytes are no such archive.
        """
        return cls.from_arrays(from_npz(data, "a reference"))

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Reference:
        """The reference whose arrays by dotted name these are."""
        try:
            plain: dict[str, Any] = {name: array for name, array in arrays.items() if "." not in name}
            plain["sensors"] = tuple(str(name) for name in arrays["sensors"])
            plain["rules"] = tuple(str(text) for text in arrays["rules"])
            plain["samples"] = int(arrays["samples"])
            return cls(**plain, drift=RowConstants(**section(arrays, "drift")))
        except (KeyError, TypeError) as error:
            raise DataError(f"Expected the arrays of a reference, found {sorted(arrays)}: {error}") from error


def _seen(cells: Floats) -> Floats:
    return cells[~np.isnan(cells)]


def _limit(cells: Floats, floor: float) -> float:
    """4 times the 99 % quantile of what was seen, with the floor under the quantile; no limit if nothing was."""
    seen = _seen(cells)
    return 4.0 * max(float(np.quantile(seen, 0.99)), floor) if seen.size else np.inf


def _spike_heights(values: Floats) -> Floats:
    """Distance of each reading from the median of itself and its two neighbours; NaN where one of them is missing."""
    heights = np.full(values.shape, np.nan)
    before, here, after = values[:, :-2], values[:, 1:-1], values[:, 2:]
    above = here - np.maximum(before, after)
    below = np.minimum(before, after) - here
    heights[:, 1:-1] = np.maximum(np.maximum(above, below), 0.0)
    return heights


def _quantile_bins(readings: Floats, floor: float) -> tuple[float, float, NDArray[np.uint8], Floats]:
    """Grid, table and counts of 32 quantile bins snapped to the grid's cells.

    A cell's bin is where the middle of its mass lies, so that a value which is repeated often has a bin of its own.
    """
    low, high = np.quantile(readings, (0.01, 0.99))
    width = max(high - low, _GRID_FLOORS * floor)
    per_unit = (CELLS - 2) / width
    start = (low + high - width) / 2 - 1.0 / per_unit
    cells = np.clip((readings - start) * per_unit, 0, CELLS - 1).astype(np.int64)
    mass = np.bincount(cells, minlength=CELLS) / readings.size
    middle = np.cumsum(mass) - mass / 2
    table = np.minimum(middle * BINS, BINS - 1).astype(np.uint8)
    return float(start), float(per_unit), table, np.bincount(table[cells], minlength=BINS).astype(np.float64)


def _envelope(values: Floats, floor: Floats) -> tuple[Floats, Floats, Floats]:
    """Median and envelope per (sensor, row), each (f, T)."""
    median = _row_quantiles(values, (0.5,))[0]
    q05, q95 = _row_quantiles(values, (0.05, 0.95))
    deviation = _row_quantiles(np.abs(values - median), (0.5,))[0]
    width = np.maximum(np.maximum(q95 - q05, _SD_TO_SPAN * _MAD_TO_SD * deviation), floor)
    lower, upper = q05 - 1.5 * width, q95 + 1.5 * width
    lower[np.isnan(lower)] = -np.inf
    upper[np.isnan(upper)] = np.inf
    return np.ascontiguousarray(median.T), np.ascontiguousarray(lower.T), np.ascontiguousarray(upper.T)


def _row_quantiles(values: Floats, levels: tuple[float, ...]) -> list[Floats]:
    """Linear quantiles over samples that leave missing cells out, each (T, f); NaN where all are missing."""
    ordered = np.sort(values, axis=0)
    last = np.maximum((~np.isnan(values)).sum(axis=0) - 1, 0)
    found = []
    for level in levels:
        position = level * last
        below = np.floor(position).astype(np.int64)
        above = np.minimum(below + 1, last)
        low = np.take_along_axis(ordered, below[None], axis=0)[0]
        high = np.take_along_axis(ordered, above[None], axis=0)[0]
        found.append(low + (high - low) * (position - below))
    return found
