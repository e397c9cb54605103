"""The direct scorer: quality of a sample relative to the reference and to what its window has in common."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import Profile
from dq_pipeline.quality.dimensions import DIMENSIONS, late_share, measure
from dq_pipeline.quality.sparse import DISTANCES, LEVELS, at_share, excess, thinned
from dq_pipeline.quality.unified import Unified, beyond_allowance, fit_allowances, over_sensors
from dq_pipeline.storage import arrays_of, from_npz, section, to_npz

Floats = NDArray[np.float64]

UNCORRECTED = ("completeness",)
"""Missing readings are a defect whoever shares them."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Quality of n samples.

    Attributes
    ----------
    sensors : (n, 5, f)
        Dimensions per sensor in [0, 1], what the window has in common taken out.
    dimensions : (n, 5)
        The same over sensors, 1 within the allowance of clean samples (D*).
    unified : (n,)
        The score, in [0, 1].
    """

    sensors: Floats
    dimensions: Floats
    unified: Floats


@dataclass(frozen=True, slots=True, eq=False)
class QualityScorer:
    """Scores profiles of one reference.

    Attributes
    ----------
    reference
        Whose profiles it scores.
    usual : (5, f)
        Median of 1 - u over clean samples.
    allowances : (5,)
        What clean samples miss in each dimension, the order of rows apart.
    disorder : float
        Share of rows out of order that clean samples show. It has an allowance of its own: within that of the
        distance, which few readings make large, half of a recording could come twice unseen.
    usual_seen : (f,)
        Median share of readings that clean samples have.
    rare : (levels, 5, f)
        What fewer readings add to a deficit, at `sparse.LEVELS` of the usual share.
    unified
        From D* to the score.
    window
        Samples over which a deficit counts as common.
    injected : (101,)
        Percentiles of the score over recordings in which an injected fault shows; empty where they are not known.
    """

    reference: Reference
    usual: Floats
    allowances: Floats
    disorder: float
    usual_seen: Floats
    rare: Floats
    unified: Unified
    window: int
    injected: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def fit(
        cls,
        reference: Reference,
        clean: Profile,
        with_faults: Profile,
        *,
        rng: np.random.Generator,
        unifier: str = "pca",
        window: int = 25,
    ) -> QualityScorer:
        """Fit on the reference's own samples.

        Parameters
        ----------
        clean
            Profiles of the reference samples, from which allowances come.
        with_faults
            The same, a fifth of them with injected faults: from them come the weights and the scale of the score.
        rng
            Draws which readings are left out where the effect of few readings is measured.

        Raises
        ------
        DataError
            If a profile is empty or of another reference.
        """
        for profile in (clean, with_faults):
            _check(profile, reference)
            if len(profile) == 0:
                raise DataError("Expected at least one profile to fit the scorer on, found none")
        u = measure(_ordered(clean), reference)
        scorer = cls(
            reference=reference,
            usual=np.median(1.0 - u, axis=0),
            allowances=fit_allowances(over_sensors(u, reference.known)),
            disorder=float(min(np.quantile(late_share(clean), 0.95), 0.95)),
            usual_seen=np.maximum(np.median(_seen_share(clean), axis=0), 1e-9),
            rare=_rarely_seen(clean, u, reference, rng),
            unified=Unified("mean", np.full(len(DIMENSIONS), 1.0 / len(DIMENSIONS)), 0.0, 1.0),
            window=window,
        )
        faulty = scorer.unite(scorer.measure(with_faults), late_share(with_faults)).dimensions
        unified = Unified.fit(faulty, unifier)
        shows = np.zeros(len(faulty), np.bool_)
        if len(clean) == len(faulty):
            shows = (faulty != scorer.unite(scorer.measure(clean), late_share(clean)).dimensions).any(axis=1)
        injected = np.quantile(unified(faulty[shows]), np.linspace(0.0, 1.0, 101)) if shows.any() else np.empty(0)
        return replace(scorer, unified=unified, injected=injected)

    def measure(self, profile: Profile) -> Floats:
        """Dimensions per sensor (n, 5, f), the order of rows apart, what few readings add to a deficit taken out."""
        u = measure(_ordered(profile), self.reference)
        raised = np.minimum(u + at_share(self.rare, _seen_share(profile) / self.usual_seen), 1.0)
        return np.where(profile.seen[:, None] > 0, raised, 0.0)

    def score(self, profile: Profile, trailing: Profile | None = None) -> Scores:
        """Score a micro-batch.

        Parameters
        ----------
        profile
            The micro-batch, one entry a sample.
        trailing
            Profiles of the samples before it, oldest first, of the same reference; used where the micro-batch is
            smaller than the window. While fewer samples than a window have come, the missing ones count as usual
            ones: a single sample never excuses itself.

        Raises
        ------
        DataError
            If a profile is of another reference.
        """
        _check(profile, self.reference)
        u = self.measure(profile)
        around = u
        if trailing is not None and len(profile) < self.window:
            _check(trailing, self.reference)
            before = trailing.take(slice(max(len(trailing) - (self.window - len(profile)), 0), None))
            around = np.concatenate([self.measure(before), u])
        return self.unite(excuse(u, common_deficit(around, self.usual, self.window)), late_share(profile))

    def unite(self, u: Floats, late: Floats) -> Scores:
        """Scores of dimensions per sensor (n, 5, f) that are relative to their window already.

        Parameters
        ----------
        late : (n,)
            Share of the rows that came out of order: never excused, as missing ones are not.
        """
        timely = list(DIMENSIONS).index("timeliness")
        dimensions = beyond_allowance(over_sensors(u, self.reference.known), self.allowances)
        dimensions[:, timely] *= beyond_allowance(1.0 - late[:, None], np.array([self.disorder]))[:, 0]
        sensors = u.copy()
        sensors[:, timely] *= 1.0 - late[:, None]
        return Scores(sensors=sensors, dimensions=dimensions, unified=self.unified(dimensions))

    def to_bytes(self) -> bytes:
        """An npz archive of all it holds, its reference included."""
        return to_npz(arrays_of(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> QualityScorer:
        """The scorer of :meth:`to_bytes`, bit for bit.

        Raises
        ------
        DataError
            If the bytes are no such archive.
        """
        arrays = from_npz(data, "a quality scorer")
        inner = section(arrays, "unified")
        plain = ("usual", "allowances", "usual_seen", "rare")
        missing = {*plain, "disorder", "window"} - set(arrays) | {"unifier", "weights", "low", "high"} - set(inner)
        if missing:
            raise DataError(f"Expected the arrays of a quality scorer, found none for {', '.join(sorted(missing))}")
        start = "reference."
        return cls(
            reference=Reference.from_arrays(
                {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            ),
            **{name: arrays[name] for name in plain},
            disorder=float(arrays["disorder"]),
            unified=Unified(str(inner["unifier"]), inner["weights"], float(inner["low"]), float(inner["high"])),
            window=int(arrays["window"]),
            injected=arrays.get("injected", np.empty(0)),
        )


def common_deficit(u: Floats, usual: Floats, window: int) -> Floats:
    """How far the median deficit of a window lies above the usual one.

    Parameters
    ----------
    u : (m, 5, f)
        Dimensions of the window's samples; if fewer than `window`, the others are taken to be usual.
    usual : (5, f)
        Median deficit of the reference.

    Returns
    -------
    (5, f)
        At least 0; 0 for the dimensions of `UNCORRECTED`.
    """
    absent = np.broadcast_to(usual, (max(window - len(u), 0), *usual.shape))
    common: Floats = np.maximum(np.median(np.concatenate([1.0 - u, absent]), axis=0) - usual, 0.0)
    common[[list(DIMENSIONS).index(name) for name in UNCORRECTED]] = 0.0
    return common


def excuse(u: Floats, common: Floats) -> Floats:
    """Raise dimensions (n, 5, f) by what the window has in common (5, f), up to 1: that part is drift, not quality."""
    return np.minimum(u + common, 1.0)


def _ordered(profile: Profile) -> Profile:
    return replace(profile, disordered=np.zeros_like(profile.disordered))


def _seen_share(profile: Profile) -> Floats:
    share: Floats = profile.seen / np.maximum(profile.expected, 1)
    return share


def _rarely_seen(clean: Profile, u: Floats, reference: Reference, rng: np.random.Generator) -> Floats:
    """What fewer readings add to the deficit of clean samples, (levels, 5, f); 0 but for distances."""
    added = np.zeros((len(LEVELS), *u.shape[1:]))
    distances = [list(DIMENSIONS).index(name) for name in DISTANCES]
    for level, share in enumerate(LEVELS[1:], start=1):
        rare = measure(_ordered(thinned(clean, share, rng)), reference)
        added[level, distances] = excess(u, rare)[distances]
    return np.maximum.accumulate(added, axis=0)


def _check(profile: Profile, reference: Reference) -> None:
    if profile.reference_id != reference.id:
        raise DataError(f"Expected profiles of reference {reference.id}, found {profile.reference_id}")
