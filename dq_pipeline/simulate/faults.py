"""Defects of single recordings, to inject: nine kinds, each with a severity.

The kinds and their sizes are those the quality score is fitted and judged on; severity 0.1 is barely there, 1 is the
worst of its kind. All act on a recording as sent, before the form gate, so that they take the way of real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError, SampleError
from dq_pipeline.process import Process
from dq_pipeline.recording import Placed, Recording, assemble_rows, place_rows
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """What a fault befalls, how hard, and the robust standard deviation (columns,) its sizes are given in."""

    recording: Recording
    severity: float
    rng: np.random.Generator
    scale: Floats
    period_s: float


def missing_block(hit: Hit) -> Recording:
    """Some sensors fall silent together for up to half of the rows."""
    values = hit.recording.values.copy()
    columns = _some(values.shape[1], max(1, values.shape[1] // 2), hit.rng)
    values[_stretch(len(values), 0.5 * hit.severity, hit.rng), columns] = np.nan
    return replace(hit.recording, values=values)


def missing_cells(hit: Hit) -> Recording:
    """Single readings are lost at random, up to half of them."""
    lost = hit.rng.random(hit.recording.values.shape) < 0.5 * hit.severity
    return replace(hit.recording, values=np.where(lost, np.nan, hit.recording.values))


def spikes(hit: Hit) -> Recording:
    """Up to 6 % of the rows of one to three sensors jump by 4 to 14 robust standard deviations and back."""
    values = hit.recording.values.copy()
    rows = len(values)
    for j in _some(values.shape[1], 3, hit.rng):
        spiked = hit.rng.choice(rows, max(1, round(0.06 * hit.severity * rows)), replace=False)
        values[spiked, j] += hit.rng.choice([-1.0, 1.0], spiked.size) * (4.0 + 10.0 * hit.severity) * hit.scale[j]
    return replace(hit.recording, values=values)


def stuck(hit: Hit) -> Recording:
    """One to three sensors repeat one reading for up to all of the rows."""
    values = hit.recording.values.copy()
    for j in _some(values.shape[1], 3, hit.rng):
        held = _stretch(len(values), hit.severity, hit.rng)
        values[held, j] = values[held.start, j]
    return replace(hit.recording, values=values)


def unit(hit: Hit) -> Recording:
    """One sensor is a hundredfold too large or too small over a stretch of up to all rows."""
    values = hit.recording.values.copy()
    j = int(hit.rng.integers(values.shape[1]))
    values[_stretch(len(values), hit.severity, hit.rng), j] *= 100.0 if hit.rng.random() < 0.5 else 0.01
    return replace(hit.recording, values=values)


def offset(hit: Hit) -> Recording:
    """One to three sensors read 1 to 7 robust standard deviations too high or too low throughout."""
    values = hit.recording.values.copy()
    for j in _some(values.shape[1], 3, hit.rng):
        values[:, j] += hit.rng.choice([-1.0, 1.0]) * (1.0 + 6.0 * hit.severity) * hit.scale[j]
    return replace(hit.recording, values=values)


def late_rows(hit: Hit) -> Recording:
    """Up to half of the rows arrive late, after rows that were taken after them."""
    rows = len(hit.recording.values)
    late = np.sort(hit.rng.choice(rows, max(1, round(0.5 * hit.severity * rows)), replace=False))
    arrival = np.arange(rows, dtype=np.float64)
    arrival[late] += 1.5 + hit.rng.integers(1, max(2, rows // 6), late.size)
    return _reordered(hit, np.argsort(arrival, kind="stable"))


def duplicated_rows(hit: Hit) -> Recording:
    """Up to half of the rows are sent twice."""
    rows = len(hit.recording.values)
    again = hit.rng.choice(rows, max(1, round(0.5 * hit.severity * rows)), replace=False)
    return _reordered(hit, np.sort(np.concatenate([np.arange(rows), again])))


def noise_burst(hit: Hit) -> Recording:
    """One to four sensors carry noise of 1 to 6 robust standard deviations over a stretch of up to all rows."""
    values = hit.recording.values.copy()
    for j in _some(values.shape[1], 4, hit.rng):
        noisy = _stretch(len(values), max(hit.severity, 0.2), hit.rng)
        values[noisy, j] += (
            hit.rng.standard_normal(noisy.stop - noisy.start) * (1.0 + 5.0 * hit.severity) * hit.scale[j]
        )
    return replace(hit.recording, values=values)


FAULTS: MappingProxyType[str, Callable[[Hit], Recording]] = MappingProxyType(
    {
        "missing_block": missing_block,
        "missing_cells": missing_cells,
        "spikes": spikes,
        "stuck": stuck,
        "unit": unit,
        "offset": offset,
        "late_rows": late_rows,
        "duplicated_rows": duplicated_rows,
        "noise_burst": noise_burst,
    }
)


def inject(
    recording: Recording,
    kind: str,
    severity: float,
    rng: np.random.Generator,
    scale: Mapping[str, float],
    period_s: float = 1.0,
) -> Recording:
    """One fault in one recording; its id, start and target stay.

    Parameters
    ----------
    severity
        In [0.1, 1].
    scale
        Robust standard deviation by column name, see :func:`robust_scale`; 1 for a column it lacks.

    Raises
    ------
    DataError
        If the kind is unknown or the severity out of its range.

    Examples
    --------
    >>> whole = Recording("a", "rig", np.datetime64("2026-01-01", "us"), ("p",), np.arange(10.0)[:, None])
    >>> inject(whole, "stuck", 1.0, np.random.default_rng(0), {"p": 1.0}).values.ravel().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    if kind not in FAULTS:
        raise DataError(f"Unknown fault {kind!r}. Registered: {', '.join(FAULTS)}.")
    if not 0.1 <= severity <= 1.0:
        raise DataError(f"a severity in [0.1, 1] expected, found {severity}")
    sizes = np.array([scale.get(name, 1.0) for name in recording.sensors])
    return FAULTS[kind](Hit(recording, severity, rng, sizes, period_s))


def robust_scale(values: Floats) -> Floats:
    """Robust standard deviation of each sensor over all samples and rows: 1.4826 MAD, but not less than its tails say.

    Parameters
    ----------
    values
        (n, T, f) or (rows, f); NaN where nothing was read.

    Returns
    -------
    (f,)
        At least 1e-3 of the [1 %, 99 %] span and 1e-9, so that a constant sensor has one too.
    """
    cells = values.reshape(-1, values.shape[-1])
    scale = np.full(cells.shape[1], 1e-9)
    for j in range(cells.shape[1]):
        seen = cells[:, j][~np.isnan(cells[:, j])]
        if seen.size:
            q01, q05, q50, q95, q99 = np.quantile(seen, [0.01, 0.05, 0.5, 0.95, 0.99])
            mad = 1.4826 * float(np.median(np.abs(seen - q50)))
            scale[j] = max(mad, (q95 - q05) / 3.29 if mad == 0.0 else 0.0, 1e-3 * (q99 - q01), 1e-9)
    return scale


def faulted(batch: SampleBatch, process: Process, rng: np.random.Generator, share: float = 0.2) -> SampleBatch:
    """The batch with a share of its samples carrying one random fault each, severity uniform in [0.1, 1].

    The faulty ones go through the same form gate as real ones; the targets stay as they are.
    """
    n, rows = len(batch), batch.rows
    chosen = set(rng.choice(n, round(share * n), replace=False).tolist()) if n else set()
    scale = dict(zip(batch.sensors, robust_scale(batch.values), strict=True))
    placed: list[Placed] = []
    for i in range(n):
        whole = Placed(
            sample_id=batch.ids[i],
            source=batch.sources[i],
            start=batch.start[i],
            values=batch.values[i],
            received=int(batch.received[i]),
            disordered=int(batch.disordered[i]),
            target=float(batch.target[i]),
            metadata=batch.metadata[i],
            unknown=(),
        )
        placed.append(_faulty(whole, process, rows, scale, rng) if i in chosen else whole)
    return assemble_rows(placed, process, rows)


def with_spoilt_labels(
    recordings: Sequence[Recording],
    target: str,
    share: float,
    rng: np.random.Generator,
    kinds: Sequence[str] = tuple(FAULTS),
) -> tuple[list[Recording], NDArray[np.bool_]]:
    """Recordings of which a share carries one random fault, and one of the same kind in the target's column.

    Parameters
    ----------
    target
        Name of the column that the label is derived from; recordings without their `target` keep their label.
    kinds
        Faults to draw from.

    Returns
    -------
    list of Recording
    (n,)
        Which of them were spoilt.
    """
    sizes = robust_scale(np.concatenate([one.values for one in recordings]))
    scale = dict(zip(recordings[0].sensors, sizes.tolist(), strict=True))
    labels = [one.target for one in recordings if one.target is not None]
    if labels:
        scale[target] = float(robust_scale(np.concatenate(labels)[:, None])[0])
    spoilt, faulty = list(recordings), np.zeros(len(recordings), np.bool_)
    for i in rng.choice(len(spoilt), round(share * len(spoilt)), replace=False):
        kind, severity = str(rng.choice(list(kinds))), float(rng.uniform(0.1, 1.0))
        spoilt[i], faulty[i] = _with_label(spoilt[i], target, kind, severity, rng, scale), True
    return spoilt, faulty


def _with_label(
    recording: Recording, target: str, kind: str, severity: float, rng: np.random.Generator, scale: Mapping[str, float]
) -> Recording:
    if recording.target is None or kind in ("late_rows", "duplicated_rows"):  # the order of rows is all columns' own
        return inject(recording, kind, severity, rng, scale)
    column = replace(recording, values=recording.target[:, None].copy(), sensors=(target,), target=None)
    label = inject(column, kind, severity, rng, scale).values[:, 0]
    return replace(inject(recording, kind, severity, rng, scale), target=label)


def _faulty(whole: Placed, process: Process, rows: int, scale: Mapping[str, float], rng: np.random.Generator) -> Placed:
    recording = Recording(whole.sample_id, whole.source, whole.start, process.sensor_names, whole.values)
    kind = str(rng.choice(list(FAULTS)))
    period_s = process.sample.period_s
    try:
        faulty = inject(recording, kind, float(rng.uniform(0.1, 1.0)), rng, scale, period_s)
        spoilt = place_rows(faulty, process, rows, with_target=False)
    except SampleError:
        return whole
    return replace(spoilt, target=whole.target, metadata=whole.metadata)


def _some(columns: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One to `most` of the columns."""
    return rng.choice(columns, int(rng.integers(1, min(most, columns) + 1)), replace=False)


def _stretch(rows: int, share: float, rng: np.random.Generator) -> slice:
    """A run of rows, at least two."""
    length = min(rows, max(2, round(share * rows)))
    first = int(rng.integers(0, rows - length + 1))
    return slice(first, first + length)


def _reordered(hit: Hit, order: NDArray[np.int64]) -> Recording:
    recording = hit.recording
    times = recording.times_s
    if times is None:
        times = np.arange(len(recording.values), dtype=np.float64) * hit.period_s
    target = None if recording.target is None else recording.target[order]
    return replace(recording, values=recording.values[order], times_s=times[order], target=target)
