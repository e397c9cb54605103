"""Recordings that are of no one: drawn from a model of the process, with noise of their own.

The model knows how the process goes on average (mean of each sensor at each row), in which directions its recordings
differ (principal components of the levels of some phases, the target among them), how these follow each other from
recording to recording, and how rough each sensor is. Of a single recording it keeps nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]

PHASES = 20
VARIANCE = 0.95
"""Share of the levels' variance that the components explain; the rest is drawn afresh for each level."""
REACH = 4.0
LEAST = 20
TOO_NEAR = 0.01
"""Quantile of the distances between real recordings and real ones kept apart: nothing drawn may lie nearer."""
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, eq=False)
class ProcessModel:
    """How recordings of a process come about.

    Attributes
    ----------
    curve : (T, f)
        Mean of each sensor at each row.
    edges : (P + 1,)
        Rows at which the phases begin, and the number of rows.
    scale : (d,)
        Standard deviation of each level: P * f of them phase by phase, and the target's columns.
    directions : (k, d)
        Principal components of the standardised levels.
    spread, follows : (k,)
        Standard deviation of each component, and its correlation from one recording to the next.
    rest : (d,)
        Standard deviation of what the components leave of each level.
    rough, smooth : (P, f)
        Standard deviation of a sensor within a phase, and its correlation from one row to the next.
    lost : (f,)
        Share of readings that are missing.
    target : (t,)
        Mean of the target's columns: one, or one a class.
    low, high : (T, f)
        What a sensor reads at a row, as far as :data:`REACH` standard deviations go, and no sensor goes further.
    near
        Least distance that a recording drawn keeps from every real one; see :func:`distances`.
    real : (n, P * f)
        Levels of the real recordings, standardised: only to keep away from them.
    """

    sensors: tuple[str, ...]
    curve: Floats
    edges: NDArray[np.int64]
    scale: Floats
    directions: Floats
    spread: Floats
    follows: Floats
    rest: Floats
    rough: Floats
    smooth: Floats
    lost: Floats
    target: Floats
    low: Floats
    high: Floats
    near: float
    real: Floats

    @classmethod
    def fit(cls, batch: SampleBatch, classes: int = 0, phases: int = PHASES) -> ProcessModel:
        """Learn a process from recordings in stream order whose target is known.

        Parameters
        ----------
        classes
            Number of classes of the target; 0 for a number.

        Raises
        ------
        DataError
            If there are too few of them.
        """
        batch = batch.take(np.isfinite(batch.target))
        n, rows, _ = batch.values.shape
        if n < LEAST:
            raise DataError(f"at least {LEAST} recordings with a target expected to model a process, found {n}")
        edges = np.unique(np.linspace(0, rows, min(phases, rows) + 1).round().astype(np.int64))
        seen = np.isfinite(batch.values)
        curve = _filled(_mean(batch.values, seen))
        away = np.where(seen, batch.values - curve, 0.0)
        levels = _levels(away, seen, edges)
        told = np.eye(classes)[batch.target.astype(np.int64)] if classes else batch.target[:, None]
        joint = np.concatenate([levels.reshape(n, -1), told - told.mean(axis=0)], axis=1)
        scale = np.where(joint.std(axis=0) > 1e-12, joint.std(axis=0), 1.0)
        standard = joint / scale
        _, singular, directions = np.linalg.svd(standard - standard.mean(axis=0), full_matrices=False)
        explained = np.cumsum(singular**2) / max(float((singular**2).sum()), 1e-12)
        kept = min(int(np.searchsorted(explained, VARIANCE)) + 1, max(n // 5, 1))
        directions = directions[:kept]
        along = standard @ directions.T
        within = np.where(seen, away - _stretched(levels, edges, rows), 0.0)
        rough, smooth = _texture(within, seen, edges)
        real = standard[:, : levels[0].size]
        reach = REACH * np.sqrt((away**2).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
        return cls(
            sensors=batch.sensors,
            curve=curve,
            edges=edges,
            scale=scale,
            directions=directions,
            spread=along.std(axis=0),
            follows=np.array([_follows(column) for column in along.T]),
            rest=(standard - along @ directions).std(axis=0),
            rough=rough,
            smooth=smooth,
            lost=1.0 - seen.mean(axis=(0, 1)),
            target=told.mean(axis=0),
            low=np.maximum(curve - reach, np.where(seen, batch.values, np.inf).min(axis=(0, 1))),
            high=np.minimum(curve + reach, np.where(seen, batch.values, -np.inf).max(axis=(0, 1))),
            near=float(np.quantile(apart(real), TOO_NEAR)),
            real=real,
        )

    def draw(self, n: int, rng: np.random.Generator, *, start: np.datetime64, every_s: float) -> SampleBatch:
        """Recordings one after the other; one that comes too near to a real one is drawn again.

        Parameters
        ----------
        start
            Of the first; the others follow every `every_s` seconds.

        Raises
        ------
        DataError
            If the process leaves no room between its recordings.
        """
        along = _autocorrelated(n, self.spread, self.follows, rng)
        joint = along @ self.directions + rng.standard_normal((n, len(self.rest))) * self.rest
        joint = self._kept_apart(joint, along, rng) * self.scale
        phases, f = len(self.edges) - 1, len(self.sensors)
        levels = joint[:, : phases * f].reshape(n, phases, f)
        told = joint[:, phases * f :] + self.target
        rows = int(self.edges[-1])
        away = _stretched(levels, self.edges, rows) + self._noise(n, rng)
        off = levels - _levels(away, np.ones_like(away, np.bool_), self.edges)  # the noise moves no level
        values = np.clip(self.curve + away + np.repeat(off, np.diff(self.edges), axis=1), self.low, self.high)
        values[rng.random(values.shape) < self.lost] = np.nan
        begin = start.astype("datetime64[us]")
        return SampleBatch(
            sensors=self.sensors,
            ids=tuple(f"synthetic-{i:06d}" for i in range(n)),
            sources=("synthetic",) * n,
            start=begin + (np.arange(n) * every_s * 1e6).astype("timedelta64[us]"),
            values=values,
            received=np.full(n, rows),
            disordered=np.zeros(n, np.int64),
            target=told[:, 0] if told.shape[1] == 1 else told.argmax(axis=1).astype(np.float64),
        )

    def standardised(self, batch: SampleBatch) -> Floats:
        """Levels (n, P * f) of recordings, as :attr:`real` has them."""
        seen = np.isfinite(batch.values)
        levels = _levels(np.where(seen, batch.values - self.curve, 0.0), seen, self.edges).reshape(len(batch), -1)
        return np.asarray(levels / self.scale[: levels.shape[1]], np.float64)

    def _kept_apart(self, joint: Floats, along: Floats, rng: np.random.Generator) -> Floats:
        width = self.real.shape[1]
        for _ in range(_ATTEMPTS):
            close = np.flatnonzero(distances(joint[:, :width], self.real) < self.near)
            if not len(close):
                return joint
            afresh = along[close] + rng.standard_normal((len(close), along.shape[1])) * self.spread
            joint[close] = afresh @ self.directions + rng.standard_normal((len(close), len(self.rest))) * self.rest
        raise DataError(
            f"recordings at least {self.near:.3g} away from every real one expected, found {len(close)} nearer ones "
            f"after {_ATTEMPTS} attempts: the process hardly varies"
        )

    def _noise(self, n: int, rng: np.random.Generator) -> Floats:
        count = np.diff(self.edges)
        rough, smooth = (np.repeat(part, count, axis=0) for part in (self.rough, self.smooth))
        fresh = rng.standard_normal((n, *rough.shape)) * np.sqrt(1.0 - smooth**2)
        for t in range(1, fresh.shape[1]):
            fresh[:, t] += smooth[t] * fresh[:, t - 1]
        return np.asarray(fresh * rough, np.float64)


def distances(one: Floats, other: Floats) -> Floats:
    """Root mean squared difference of each row of `one` (n, d) to the nearest row of `other` (m, d); (n,)."""
    squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2.0 * one @ other.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0).min(axis=1) / one.shape[1]), np.float64)


def apart(real: Floats) -> Floats:
    """Distance (n // 2,) of every second recording to the nearest of the others: how near real ones come."""
    return distances(real[1::2], real[::2])


def _mean(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    count = seen.sum(axis=0)
    total = np.where(seen, values, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)


def _filled(curve: Floats) -> Floats:
    """Rows at which nothing was ever read are taken between those beside them; a sensor that never was is 0."""
    for j in range(curve.shape[1]):
        known = np.flatnonzero(np.isfinite(curve[:, j]))
        curve[:, j] = np.interp(np.arange(len(curve)), known, curve[known, j]) if len(known) else 0.0
    return curve


def _levels(away: Floats, seen: NDArray[np.bool_], edges: NDArray[np.int64]) -> Floats:
    """Mean (n, P, f) of each phase; 0, the average, where nothing was read."""
    total, count = (np.add.reduceat(part, edges[:-1], axis=1) for part in (away, seen.astype(np.float64)))
    return np.asarray(total / np.maximum(count, 1.0), np.float64)


def _stretched(levels: Floats, edges: NDArray[np.int64], rows: int) -> Floats:
    """Levels (n, P, f) as curves (n, rows, f): straight between the middles of the phases."""
    middle = (edges[:-1] + edges[1:] - 1) / 2.0
    at = np.clip(np.interp(np.arange(rows), middle, np.arange(len(middle))), 0, len(middle) - 1)
    below = np.minimum(at.astype(np.int64), max(len(middle) - 2, 0))
    above = np.minimum(below + 1, len(middle) - 1)
    share = (at - below)[None, :, None]
    return np.asarray((1.0 - share) * levels[:, below] + share * levels[:, above], np.float64)


def _texture(within: Floats, seen: NDArray[np.bool_], edges: NDArray[np.int64]) -> tuple[Floats, Floats]:
    count = np.maximum(np.add.reduceat(seen.sum(axis=0), edges[:-1], axis=0), 1)
    rough = np.sqrt(np.add.reduceat((within**2).sum(axis=0), edges[:-1], axis=0) / count)
    product = np.zeros(within.shape[1:])
    product[1:] = (within[:, 1:] * within[:, :-1]).sum(axis=0)
    smooth = np.add.reduceat(product, edges[:-1], axis=0) / count / np.maximum(rough, 1e-12) ** 2
    return np.asarray(rough, np.float64), np.asarray(np.clip(smooth, 0.0, 0.98), np.float64)


def _follows(column: Floats) -> float:
    spread = float(column @ column)
    return 0.0 if spread <= 0.0 else float(np.clip(column[1:] @ column[:-1] / spread, 0.0, 0.95))


def _autocorrelated(n: int, spread: Floats, follows: Floats, rng: np.random.Generator) -> Floats:
    fresh = rng.standard_normal((n, len(spread)))
    fresh[1:] *= np.sqrt(1.0 - follows**2)
    for i in range(1, n):
        fresh[i] += follows * fresh[i - 1]
    return np.asarray(fresh * spread, np.float64)
