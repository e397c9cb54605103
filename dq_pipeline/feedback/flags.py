"""The rules that flag samples: fitted with a release on samples it had not seen, and kept in it.

Every kind has a statistic that is large where something is unusual, its values on the reference, and so a conformal
p-value. A sample is flagged by the kinds whose p-value is at most their level. Low scores and errors have a share of
the budget each; what is known with the answer has the rest, at a level found so that together they keep it.

The reference are the newest samples that were learned from, without those that score as low as one in ten does: some of
them hold what is wrong. Models that had seen older ones only said what is compared here; distances and neighbours come
from all blocks but the sample's own.

What a window of samples has in common is drift, and no reason to look at each of them: what its median exceeds that of
the reference by is taken off (of distances, the median itself), in the reference block by block. Measured on recorded
data that drift (skab): at 5 % of what is well, distances find 39 % of single drifted samples without it, 79 % with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.feedback.budget import p_values
from dq_pipeline.feedback.low import well_p
from dq_pipeline.feedback.novelty import Novelty, nearest
from dq_pipeline.feedback.statistics import (
    SHARED,
    WINDOW,
    alone,
    apart,
    beyond,
    doubt,
    signed,
    trailing_median,
    unusualness,
)
from dq_pipeline.records.flags import Flag, FlagKind
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ERROR_NEIGHBOURS = 15
NEWEST = 400
"""Errors, those made on the stream first, that an error is compared with."""
_SHOWN = 5
_DIMENSIONS = 3
_NONE = np.empty((0, 4))
_BEFORE: dict[str, Any] = {"low_level": 0.0, "scores": np.empty(0), "injected": np.empty(0)}
"""What releases lack that were made before low scores were flagged."""


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What decides whether a sample is flagged; m reference samples.

    Attributes
    ----------
    sensors
        f names.
    per_100, band
        The budget and the widest doubtful band, as the process file had them.
    levels : (4,)
        The p-values that flag wide intervals, unusual answers, novelty and doubt; 0 where the reference was too small
        to keep the budget.
    low_level, beyond_level
        The same of low scores, and of errors.
    scores : (s,)
        Unified scores of the newest recordings before the release, whatever they are.
    injected : (q,)
        Scores of injected faults, as the release's scorer sees them.
    novelty
        The reference in feature space; its newest m points are the reference samples.
    errors : (e,)
        Absolute residuals of the newest e, or 1 - probability of the true class.
    outputs : (m,)
        Their targets, or the indices of their classes: what answers are compared with.
    wide, unusual, far, unified : (m,)
        Statistics of the kinds, what is common taken off; `unified` is the score itself, NaN where it is not known.
    beyond : (e,)
        Errors in half-widths of the interval, minus infinity within it.
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
    levels: Floats
    low_level: float
    beyond_level: float
    scores: Floats
    injected: Floats
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
        if not len(ids) or not self.levels.any():
            return []
        points = self.novelty.standardised(features)
        distances = self.novelty.distances(points)
        near, far = nearest(distances)
        wide = np.where(answered, self._local_error(distances[:, -len(self.errors) :]), np.nan)
        unusual = np.where(answered, unusualness(value, self.outputs, self.usual, self.classes), np.nan)
        p_far = p_values(apart(far, self.middle[2]), self.far)
        p_wide = p_values(alone(wide, self.middle[0]), self.wide)
        p_output = p_values(alone(unusual, self.middle[1]), self.unusual)
        level_wide, level_output, level_far, _ = self.levels
        found = [
            Flag(
                ids[i],
                FlagKind.WIDE_INTERVAL,
                release,
                _evidence(wide[i], self.middle[0], level_wide),
                float(p_wide[i]),
            )
            for i in np.flatnonzero(p_wide <= level_wide).tolist()
        ]
        for i in np.flatnonzero(p_output <= level_output).tolist():
            evidence = {"value": float(value[i]), "usual": [float(self.usual[0]), float(self.usual[2])]}
            kind = FlagKind.UNUSUAL_PREDICTION
            found.append(Flag(ids[i], kind, release, evidence | {"level": float(level_output)}, float(p_output[i])))
        strange = np.flatnonzero(p_far <= level_far)
        shares = self.novelty.drivers(points[strange], near[strange])
        for i, share in zip(strange.tolist(), shares, strict=True):
            evidence = {**_evidence(far[i], self.middle[2], level_far), "sensors": self._drivers(share)}
            found.append(Flag(ids[i], FlagKind.OUT_OF_DISTRIBUTION, release, evidence, float(p_far[i])))
        return found

    def at_score(
        self, ids: Sequence[str], release: str, unified: Floats, threshold: float, dimensions: Mapping[str, Floats]
    ) -> list[Flag]:
        """Flags of n completed samples that score low, or so that it is in doubt whether they are good enough.

        Parameters
        ----------
        unified : (n,)
            NaN where not known.
        dimensions
            Name -> (n,) what the score is made of: evidence.
        """
        low = well_p(unified, self.scores, self.injected) if self.low_level else np.ones(len(ids))
        found = []
        for i in np.flatnonzero((low <= self.low_level) & (unified < 1.0)).tolist():
            lowest = sorted((float(values[i]), name) for name, values in dimensions.items() if values[i] < 1.0)
            shown = {name: round(value, 3) for value, name in lowest[:_DIMENSIONS]}
            evidence: dict[str, Any] = {"unified": float(unified[i]), "lowest": shown, "level": self.low_level}
            found.append(Flag(ids[i], FlagKind.LOW_SCORE, release, evidence, float(low[i])))
        p, level = (
            p_values(doubt(unified, threshold, self.band), doubt(self.unified, threshold, self.band)),
            self.levels[3],
        )
        for i in np.flatnonzero((p <= level) & (np.abs(unified - threshold) <= self.band)).tolist():
            evidence = {"unified": float(unified[i]), "threshold": threshold, "level": level}
            found.append(Flag(ids[i], FlagKind.DOUBTFUL_SCORE, release, evidence, float(p[i])))
        return found

    def at_target(self, answers: Sequence[tuple[str, str, Floats]], recent: Floats = _NONE) -> list[Flag]:
        """Flags of samples whose truth came.

        Parameters
        ----------
        answers
            Id, answering release, and [value, lower, upper, truth] of each.
        recent : (k, 4)
            The same of the newest answers before, whose truth is known, oldest first: what errors are compared with.
            What the newest have in common, these among them, is taken off: a drift does not flag all of them.
        """
        if not answers:
            return []
        rows = np.array([row for _, _, row in answers], dtype=np.float64)
        before = recent[-NEWEST:]
        errors = signed(*np.concatenate([before, rows]).T)
        shared = trailing_median(errors)[: len(before)]
        newest = errors[-max(SHARED, len(rows)) :]
        common = float(np.median(newest)) if len(newest) >= WINDOW else 0.0
        off = beyond(*rows.T, classes=self.classes, common=common)
        known = np.concatenate([self.beyond, beyond(*before.T, classes=self.classes, common=shared)])
        p = p_values(off, known[-NEWEST:])
        return [
            Flag(
                answers[i][0],
                FlagKind.BEYOND_INTERVAL,
                answers[i][1],
                dict(zip(("value", "lower", "upper", "target"), rows[i].tolist(), strict=True))
                | {"half_widths": abs(float(errors[len(before) + i])), "common": common, "level": self.beyond_level},
                float(p[i]),
            )
            for i in np.flatnonzero((p <= self.beyond_level) & (off > 1.0)).tolist()
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
        if "level" in own:  # one level for all kinds, and none for low scores
            own = _BEFORE | {"levels": np.full(4, float(own["level"])), "beyond_level": own["level"]} | own
        own |= {name: float(own[name]) for name in ("per_100", "band", "low_level", "beyond_level")}
        own |= {"sensors": tuple(json.loads(own["sensors"].tobytes())), "classes": int(own["classes"])}
        novelty = Novelty(**section(arrays, "novelty"))
        return cls(**{field.name: own[field.name] for field in fields(cls) if field.name != "novelty"}, novelty=novelty)

    def _local_error(self, distances: Floats) -> Floats:
        return np.asarray(self.errors[nearest(distances, ERROR_NEIGHBOURS)[0]].mean(axis=1), dtype=np.float64)

    def _drivers(self, share: Floats) -> list[dict[str, Any]]:
        return [{"sensor": self.sensors[j], "share": round(float(share[j]), 3)} for j in np.argsort(-share)[:_SHOWN]]


def _evidence(statistic: float, usual: float, level: float) -> dict[str, Any]:
    return {"statistic": float(statistic), "usual": float(usual), "level": float(level)}
