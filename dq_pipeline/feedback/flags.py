"""The rules that flag samples: fitted with a release on samples it had not seen, and kept in it.

Every kind has a statistic that is large where something is unusual, its values on the reference, and so a conformal
p-value. A sample is flagged by the kinds whose p-value is at most a level that all kinds share, found so that together
they keep the budget.

The reference are the newest samples that were learned from, without the quarter of the lowest unified scores, where
some hold what is wrong. Models that had seen older ones only said what is compared here; distances and neighbours come
from all blocks but the sample's own.

What a window of samples has in common is drift, and no reason to look at each of them: what its median exceeds that of
the reference by is taken off (of distances, the median itself), in the reference block by block. Measured on recorded
data that drift (skab): at 5 % of what is well, distances find 39 % of single drifted samples without it, 79 % with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.budget import joint_level, p_values
from dq_pipeline.feedback.novelty import MOST_POINTS, Novelty, nearest
from dq_pipeline.feedback.statistics import alone, apart, beyond, doubt, unusualness
from dq_pipeline.records.flags import Flag, FlagKind
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCKS = 5
ERROR_NEIGHBOURS = 15
DROPPED = 0.25
_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What decides whether a sample is flagged; m reference samples.

    Attributes
    ----------
    sensors
        f names.
    per_100, band
        The budget and the widest doubtful band, as the process file had them.
    level
        The p-value that flags; 0 where the reference was too small to keep the budget.
    novelty
        The reference in feature space; its newest m points are the reference samples.
    errors : (m,)
        Absolute residuals, or 1 - probability of the true class.
    outputs : (m,)
        What was predicted of them, in the target's unit or as the index of a class.
    wide, unusual, far, unified, beyond : (m,)
        Statistics of the kinds, what is common taken off; `unified` is the score itself, NaN where it is not known.
    usual : (3,)
        5, 50 and 95 % quantiles of the outputs.
    middle : (3,)
        Medians of `wide`, `unusual` and `far` before anything is taken off.
    classes
        How many there are; 0 for a regression.
    """

    sensors: tuple[str, ...]
    per_100: float
    band: float
    level: float
    novelty: Novelty
    errors: Floats
    outputs: Floats
    wide: Floats
    unusual: Floats
    far: Floats
    unified: Floats
    beyond: Floats
    usual: Floats
    middle: Floats
    classes: int

    def at_answer(
        self, ids: Sequence[str], release: str, features: Floats, value: Floats, answered: NDArray[np.bool_]
    ) -> list[Flag]:
        """Flags of n samples by their horizon rows and the model's answer.

        Parameters
        ----------
        features : (n, k)
            As the release's model sees them.
        value : (n,)
            What the model says.
        answered : (n,)
            Whether it answered; the answers of a fallback are not judged.
        """
        if not len(ids) or not self.level:
            return []
        points = self.novelty.standardised(features)
        distances = self.novelty.distances(points)
        near, far = nearest(distances)
        wide = np.where(answered, self._local_error(distances[:, -len(self.errors) :]), np.nan)
        unusual = np.where(answered, unusualness(value, self.outputs, self.usual, self.classes), np.nan)
        p_far = p_values(apart(far, self.middle[2]), self.far)
        p_wide = p_values(alone(wide, self.middle[0]), self.wide)
        p_output = p_values(alone(unusual, self.middle[1]), self.unusual)
        found = [
            Flag(ids[i], FlagKind.WIDE_INTERVAL, release, self._evidence(wide[i], self.middle[0]), float(p_wide[i]))
            for i in np.flatnonzero(p_wide <= self.level).tolist()
        ]
        for i in np.flatnonzero(p_output <= self.level).tolist():
            evidence = {"value": float(value[i]), "usual": [float(self.usual[0]), float(self.usual[2])]}
            kind = FlagKind.UNUSUAL_PREDICTION
            found.append(Flag(ids[i], kind, release, evidence | {"level": self.level}, float(p_output[i])))
        strange = np.flatnonzero(p_far <= self.level)
        shares = self.novelty.drivers(points[strange], near[strange])
        for i, share in zip(strange.tolist(), shares, strict=True):
            evidence = {**self._evidence(far[i], self.middle[2]), "sensors": self._drivers(share)}
            found.append(Flag(ids[i], FlagKind.OUT_OF_DISTRIBUTION, release, evidence, float(p_far[i])))
        return found

    def at_score(self, ids: Sequence[str], release: str, unified: Floats, threshold: float) -> list[Flag]:
        """Flags of n completed samples whose unified score (n,) leaves it in doubt whether they are good enough."""
        p = p_values(doubt(unified, threshold, self.band), doubt(self.unified, threshold, self.band))
        return [
            Flag(
                ids[i],
                FlagKind.DOUBTFUL_SCORE,
                release,
                {"unified": float(unified[i]), "threshold": threshold, "level": self.level},
                float(p[i]),
            )
            for i in np.flatnonzero((p <= self.level) & (np.abs(unified - threshold) <= self.band)).tolist()
        ]

    def at_target(self, answers: Sequence[tuple[str, str, Floats]]) -> list[Flag]:
        """Flags of samples whose truth came: id, answering release, and [value, lower, upper, truth] of each."""
        if not answers:
            return []
        rows = np.array([row for _, _, row in answers], dtype=np.float64)
        off = beyond(*rows.T, classes=self.classes)
        p = p_values(off, self.beyond)
        return [
            Flag(
                answers[i][0],
                FlagKind.BEYOND_INTERVAL,
                answers[i][1],
                dict(zip(("value", "lower", "upper", "target"), rows[i].tolist(), strict=True))
                | {"half_widths": float(off[i]), "level": self.level},
                float(p[i]),
            )
            for i in np.flatnonzero((p <= self.level) & (off > 1.0)).tolist()
        ]

    def to_bytes(self) -> bytes:
        """An npz archive; :meth:`from_bytes` gives back the same to the last bit."""
        arrays = {**arrays_of(self), "sensors": np.frombuffer(json.dumps(self.sensors).encode(), dtype=np.uint8)}
        return to_npz(arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Rules:
        """What :meth:`to_bytes` wrote."""
        arrays = from_npz(data, "the flag rules of a release")
        own: dict[str, Any] = {name: value for name, value in arrays.items() if "." not in name}
        own |= {name: float(own[name]) for name in ("per_100", "band", "level")}
        own |= {"sensors": tuple(json.loads(own["sensors"].tobytes())), "classes": int(own["classes"])}
        novelty = Novelty(**section(arrays, "novelty"))
        return cls(**{field.name: own[field.name] for field in fields(cls) if field.name != "novelty"}, novelty=novelty)

    def _local_error(self, distances: Floats) -> Floats:
        return np.asarray(self.errors[nearest(distances, ERROR_NEIGHBOURS)[0]].mean(axis=1), dtype=np.float64)

    def _evidence(self, statistic: float, usual: float) -> dict[str, Any]:
        return {"statistic": float(statistic), "usual": float(usual), "level": self.level}

    def _drivers(self, share: Floats) -> list[dict[str, Any]]:
        return [{"sensor": self.sensors[j], "share": round(float(share[j]), 3)} for j in np.argsort(-share)[:_SHOWN]]


def fit(
    features: Floats,
    sensor: Indices,
    sensors: tuple[str, ...],
    *,
    outputs: Floats,
    errors: Floats,
    radius: float,
    unified: Floats,
    threshold: float,
    per_100: float,
    band: float,
    classes: int = 0,
) -> Rules | None:
    """Fit the rules on what a release learned from, in time order; None where samples are too few for a neighbourhood.

    Parameters
    ----------
    features : (n, k)
        Of all samples learned from; the newest m of them are the reference.
    sensor : (k,)
        Which of the f sensors each feature is of.
    outputs, errors : (m,)
        What models that had not seen the newest m samples said of them, and how far off they were.
    radius
        Half-width of the release's interval.
    unified : (n,)
        Unified scores of all; NaN where not known.
    threshold
        The score from which a recording is good enough.
    """
    kept = _kept(unified)
    m = min(int(kept[len(kept) - len(errors) :].sum()), MOST_POINTS)
    features, unified = features[kept], unified[kept][-m:]
    outputs, errors = outputs[kept[-len(outputs) :]][-m:], errors[kept[-len(errors) :]][-m:]
    if m < 2 * BLOCKS or len(features) < 40:
        return None
    novelty = Novelty.fit(features, sensor)
    blocks = np.arange(m) * BLOCKS // m
    usual = np.quantile(outputs, (0.05, 0.5, 0.95))
    missed = errors / radius if np.isfinite(radius) and radius > 0.0 else np.full(m, -np.inf)
    raw = (
        _local_errors(novelty, errors, blocks),
        unusualness(outputs, outputs, usual, classes),
        _distances(features, sensor, blocks),
    )
    middle = np.array([float(np.median(one)) for one in raw])
    wide, unusual, far = (
        np.concatenate([take(one[blocks == block], usually) for block in range(BLOCKS)])
        for one, usually, take in zip(raw, middle, (alone, alone, apart), strict=True)
    )
    missed = np.where(missed > 1.0, 1e9 if classes else missed, -np.inf)
    level = joint_level((wide, unusual, far, doubt(unified, threshold, band), missed), per_100 / 100.0)
    return Rules(
        sensors=sensors,
        per_100=per_100,
        band=band,
        level=level,
        novelty=novelty,
        errors=errors,
        outputs=outputs,
        wide=wide,
        unusual=unusual,
        far=far,
        unified=unified,
        beyond=missed,
        usual=usual,
        middle=middle,
        classes=classes,
    )


def _kept(unified: Floats) -> NDArray[np.bool_]:
    """All but the lowest quarter of the scores that are known."""
    known = unified[~np.isnan(unified)]
    return ~(unified < np.quantile(known, DROPPED)) if len(known) else np.ones(len(unified), np.bool_)


def _distances(features: Floats, sensor: Indices, blocks: Indices) -> Floats:
    """Novelty of each reference sample against all samples but its own block."""
    first = len(features) - len(blocks)
    found = np.empty(len(blocks))
    for block in range(BLOCKS):
        own = np.flatnonzero(blocks == block)
        others = np.delete(features, first + own, axis=0)
        found[own] = Novelty.fit(others, sensor).score(features[first + own])
    return found


def _local_errors(novelty: Novelty, errors: Floats, blocks: Indices) -> Floats:
    """Mean error of each reference sample's neighbours in the other blocks."""
    m = len(errors)
    distances = novelty.distances(novelty.points[-m:])[:, -m:]
    distances = np.where(np.equal.outer(blocks, blocks), np.inf, distances)
    return np.asarray(errors[nearest(distances, ERROR_NEIGHBOURS)[0]].mean(axis=1), dtype=np.float64)
