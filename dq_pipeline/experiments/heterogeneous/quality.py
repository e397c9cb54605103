"""Faults of every kind of channel: what the score and its dimensions make of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from dq_pipeline.experiments.data import batch_of
from dq_pipeline.experiments.detection.judge import standard_error
from dq_pipeline.experiments.experiment import Cell, rounded
from dq_pipeline.experiments.heterogeneous import plant
from dq_pipeline.experiments.heterogeneous.faults import FAULTS
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile, profile
from dq_pipeline.quality.dimensions import DIMENSIONS, measure
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.recording import Recording
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import inject, robust_scale
from dq_pipeline.steps.reference import fit_scorer_on, with_faults

Floats = NDArray[np.float64]

KNOWN, SHARE = 300, 0.2
NUMBERS = ("missing_cells", "spikes", "stuck", "offset", "noise_burst", "late_rows")
"""Faults of the sensors; see `simulate.faults`."""
OWN = {"sensors": "flow", "valve": "valve_closed", "log": "log_lines", "camera": "camera_brightness"}
"""A column of each channel by which its completeness is told."""
LOST = ("missing_cells", "missing", "silent", "late", "lost", "broken")
"""Faults by which items are lost or late."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One plant: recordings that a scorer is fitted on, and clean ones after them, in both forms."""

    process: Process
    known: SampleBatch
    clean: list[Recording]
    later: SampleBatch
    seed: int

    @staticmethod
    def of(seed: int, judged: int) -> Trial:
        """The plant of a seed."""
        process = plant.process()
        sent = plant.recordings(plant.simulate(KNOWN + judged, np.random.default_rng(seed)))
        batch = batch_of(process, sent)
        return Trial(process, batch.between(0, KNOWN), sent[KNOWN:], batch.between(KNOWN, len(batch)), seed)

    def spoilt(self, channel: str, fault: str) -> tuple[SampleBatch, NDArray[np.bool_], Floats]:
        """The later recordings with a fault in a fifth of them; which ones (n,), and how severe (n,)."""
        kinds = [(one, kind) for one, faults in FAULTS.items() for kind in faults]
        number = kinds.index((channel, fault)) if (channel, fault) in kinds else 100 + NUMBERS.index(fault)
        rng = np.random.default_rng([self.seed, number])
        hit = np.zeros(len(self.clean), np.bool_)
        hit[rng.choice(len(hit), round(SHARE * len(hit)), replace=False)] = True
        severity = np.where(hit, rng.uniform(0.1, 1.0, len(hit)), 0.0)
        spoil = self._numbers(fault, rng) if channel == "sensors" else self._channel(channel, fault, rng)
        chosen = np.flatnonzero(hit)
        placed = batch_of(self.process, [spoil(self.clean[i], float(severity[i])) for i in chosen])
        values, received, disordered = (
            getattr(self.later, name).copy() for name in ("values", "received", "disordered")
        )
        values[chosen], received[chosen], disordered[chosen] = placed.values, placed.received, placed.disordered
        same = np.isclose(values, self.later.values, equal_nan=True).all(axis=(1, 2))
        hit &= ~same | (disordered != self.later.disordered)  # a fault that changes nothing is none
        return replace(self.later, values=values, received=received, disordered=disordered), hit, severity

    def _channel(self, channel: str, fault: str, rng: np.random.Generator) -> Callable[[Recording, float], Recording]:
        kind = FAULTS[channel][fault]

        def spoil(one: Recording, severity: float) -> Recording:
            return replace(one, channels={**one.channels, channel: kind(one.channels[channel], severity, rng)})

        return spoil

    def _numbers(self, fault: str, rng: np.random.Generator) -> Callable[[Recording, float], Recording]:
        sizes = robust_scale(self.known.values[:, :, : len(plant.SENSORS)])
        scale = dict(zip(plant.SENSORS, sizes.tolist(), strict=True))
        return lambda one, severity: inject(one, fault, severity, rng, scale)


def fitted(process: Process, known: SampleBatch, seed: int) -> QualityScorer:
    """A scorer on these recordings, as a release has it."""
    rng = np.random.default_rng([seed, 1])
    return fit_scorer_on(process, known, with_faults(process, known, rng), rng)


def as_readings(process: Process) -> Process:
    """The process with the channels' columns as sensors like any other, whose limits are those of readings."""
    return process.model_copy(update={"encoded": {}})


def by_fault(seed: int, judged: int) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """Of one seed: areas under the curve, and what the channels' own dimensions say, by channel and fault.

    Returns
    -------
    dict
        (8,): of the score; without the channels; with their columns taken for readings; of the five dimensions.
    dict
        (6,): completeness of a column of the channel, of the sensors, and timeliness of the channel's delay (NaN where
        it has none), each of spoilt and of clean recordings: means.
    """
    made = Trial.of(seed, judged)
    scorer = fitted(made.process, made.known, seed)
    bare = fitted(plant.process(()), plant.narrowed(made.known, ()), seed)
    plain = fitted(as_readings(made.process), made.known, seed)
    areas, own = {}, {}
    for channel, faults in {"sensors": NUMBERS, **FAULTS}.items():
        for fault in faults:
            shown, hit, _ = made.spoilt(channel, fault)
            seen = profile(shown, scorer.reference)
            scores = scorer.score(seen)
            without = bare.score(profile(plant.narrowed(shown, ()), bare.reference)).unified
            readings = plain.score(profile(shown, plain.reference)).unified
            figures = (scores.unified, without, readings, *scores.dimensions.T)
            areas[channel, fault] = np.array([roc_auc_score(hit, -one) for one in figures])
            own[channel, fault] = _own(channel, seen, scorer.reference, hit)
    return areas, own


def _own(channel: str, seen: Profile, reference: Reference, hit: NDArray[np.bool_]) -> Floats:
    u = dict(zip(DIMENSIONS, np.swapaxes(measure(seen, reference), 0, 1), strict=True))
    column = reference.sensors.index(OWN[channel])
    found = [u["completeness"][:, column], u["completeness"][:, : len(plant.SENSORS)].mean(axis=1)]
    delay = f"{channel}_delay"
    told = (
        u["timeliness"][:, reference.sensors.index(delay)] if delay in reference.sensors else np.full(len(hit), np.nan)
    )
    return np.array([one[of].mean() for one in (*found, told) for of in (hit, ~hit)])


def rows(
    seeds: int, judged: int, report: Callable[[int, int], None]
) -> tuple[list[dict[str, Cell]], list[dict[str, Cell]]]:
    """Rows of both tables: means over seeds."""
    found = []
    for seed in range(seeds):
        report(seed, seeds)
        found.append(by_fault(seed, judged))
    kinds = tuple(found[0][0])
    areas = {kind: np.array([one[kind] for one, _ in found]) for kind in kinds}
    own = {kind: np.mean([one[kind] for _, one in found], axis=0) for kind in kinds}
    return [_area_row(kind, areas[kind]) for kind in kinds], [
        _own_row(kind, own[kind]) for kind in kinds if kind[1] in LOST
    ]


def _area_row(kind: tuple[str, str], areas: Floats) -> dict[str, Cell]:
    row: dict[str, Cell] = {"channel": kind[0], "fault": kind[1]}
    row |= {"AUC": rounded(float(areas[:, 0].mean()), 3), "error": rounded(round(standard_error(areas[:, 0]), 6), 2)}
    names = ("without the channels", "columns as readings", *DIMENSIONS)
    return row | {name: rounded(float(one), 3) for name, one in zip(names, areas[:, 1:].mean(axis=0), strict=True)}


def _own_row(kind: tuple[str, str], told: Floats) -> dict[str, Cell]:
    row: dict[str, Cell] = {"channel": kind[0], "fault": kind[1]}
    whats = ("own completeness", "the sensors' completeness", "own timeliness")
    names = (f"{what}, {of}" for what in whats for of in ("spoilt", "clean"))
    return row | {name: rounded(float(one), 3) for name, one in zip(names, told, strict=True)}
