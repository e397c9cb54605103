"""The learned scorer: boosted trees that give the unified score from the recording, without profile and dimensions.

It knows the faults it was shown. The direct score watches over it: see :mod:`dq_pipeline.quality.oracle`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from dq_pipeline.errors import DataError
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import late_share
from dq_pipeline.quality.recording_features import recording_features, structural
from dq_pipeline.quality.scorer import QualityScorer, common_deficit, excuse
from dq_pipeline.samples import SampleBatch
from dq_pipeline.storage import from_npz, to_npz

Floats = NDArray[np.float64]

COPIES, MUTATED = 3, 0.4
"""Each sample is shown so often, and this share of the copies with a fault put in (arXiv 2512.19723: a fifth)."""
_TREES = 300
_DRAWS = 200
_SETTINGS = {
    "max_depth": 5,
    "learning_rate": 0.06,
    "subsample": 0.8,
    "colsample_bytree": 0.3,
    "max_bin": 128,
    "min_child_weight": 2,
    "tree_method": "hist",
    "device": "cpu",
    "nthread": 1,
    "verbosity": 0,
}


@dataclass(frozen=True, slots=True, eq=False)
class LearnedScorer:
    """Scores recordings of one reference.

    Attributes
    ----------
    booster
        From features to the unified score.
    usual : (k,)
        Median features of the samples it was fitted on.
    noise : (k,)
        How far the median of a window of such samples, drawn at random, lies from it in 19 of 20 windows.
    window
        Samples over which what features have in common is taken out.
    samples
        Recordings it was shown, copies included.
    """

    booster: xgb.Booster
    usual: Floats
    noise: Floats
    window: int
    samples: int

    @classmethod
    def fit(
        cls, direct: QualityScorer, clean: SampleBatch, copies: Sequence[SampleBatch], rng: np.random.Generator
    ) -> LearnedScorer:
        """Learn what the direct scorer says of recordings.

        Parameters
        ----------
        clean
            Samples in time order, cut to the rows of the direct scorer's reference.
        copies
            The same samples, some with faults put in. Both scores are relative to the windows of `clean`.
        rng
            Seeds the trees.

        Raises
        ------
        DataError
            If there is no sample or no copy.
        """
        if not len(clean) or not copies:
            raise DataError(f"samples and copies of them expected to learn from, found {len(clean)} and {len(copies)}")
        reference, relative = direct.reference, ~structural(direct.reference.sensors)
        known = _features(clean, reference)
        usual = np.median(known, axis=0)
        drawn = known[rng.integers(len(known), size=(_DRAWS, direct.window))]
        noise = np.where(relative, np.quantile(np.abs(np.median(drawn, axis=1) - usual), 0.95, axis=0), np.inf)
        u = direct.measure(profile(clean, reference))
        common, shift = np.empty_like(u), np.zeros_like(known)
        for begin in range(0, len(clean), direct.window):
            stop = min(begin + direct.window, len(clean))
            around = slice(max(stop - direct.window, 0), stop)
            common[begin:stop] = common_deficit(u[around], direct.usual, direct.window)
            shift[begin:stop] = _beyond(np.median(known[around], axis=0) - usual, noise)
        shown, said = [], []
        for copy in copies:
            made = profile(copy, reference)
            said.append(direct.unite(excuse(direct.measure(made), common), late_share(made)).unified)
            shown.append(_features(copy, reference) - shift)
        settings = {**_SETTINGS, "seed": int(rng.integers(2**31))}
        matrix = xgb.QuantileDMatrix(
            np.concatenate(shown).astype(np.float32), np.concatenate(said), max_bin=_SETTINGS["max_bin"], nthread=1
        )
        booster = xgb.train(settings, matrix, num_boost_round=_TREES)
        return cls(
            _load(bytes(booster.save_raw("ubj"))), usual, noise, direct.window, sum(len(copy) for copy in copies)
        )

    def score(self, batch: SampleBatch, reference: Reference, trailing: SampleBatch | None = None) -> Floats:
        """Unified scores (n,) in [0, 1] of a micro-batch.

        Parameters
        ----------
        batch
            Cut to the reference's rows.
        trailing
            Samples before it, oldest first; used where the micro-batch is smaller than the window. Missing ones
            count as usual ones.
        """
        if not len(batch):
            return np.empty(0)
        found = _features(batch, reference)
        around = found
        if trailing is not None and len(batch) < self.window:
            before = trailing.take(np.arange(max(len(trailing) - (self.window - len(batch)), 0), len(trailing)))
            around = np.concatenate([_features(before, reference), found])
        absent = np.broadcast_to(self.usual, (max(self.window - len(around), 0), len(self.usual)))
        shift = _beyond(np.median(np.concatenate([around, absent]), axis=0) - self.usual, self.noise)
        said = self.booster.inplace_predict((found - shift).astype(np.float32))
        return np.clip(np.asarray(said, dtype=np.float64), 0.0, 1.0)

    @property
    def name(self) -> str:
        """A hash of its trees, which tells it from one that was fitted anew."""
        return hashlib.sha256(bytes(self.booster.save_raw("ubj"))).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """An npz archive of all it holds; the trees as UBJ."""
        trees = np.frombuffer(bytes(self.booster.save_raw("ubj")), np.uint8)
        facts = np.array([self.window, self.samples], np.int64)
        return to_npz({"trees": trees, "usual": self.usual, "noise": self.noise, "facts": facts})

    @classmethod
    def from_bytes(cls, data: bytes) -> LearnedScorer:
        """The scorer of :meth:`to_bytes`.

        Raises
        ------
        DataError
            If the bytes are no such archive.
        """
        arrays = from_npz(data, "a learned scorer")
        if set(arrays) != {"trees", "usual", "noise", "facts"}:
            raise DataError(f"Expected the arrays of a learned scorer, found {', '.join(sorted(arrays)) or 'none'}")
        window, samples = (int(fact) for fact in arrays["facts"])
        return cls(_load(arrays["trees"].tobytes()), arrays["usual"], arrays["noise"], window, samples)


def _features(batch: SampleBatch, reference: Reference) -> Floats:
    return recording_features(batch.values, batch.late_share, reference)


def _beyond(shift: Floats, noise: Floats) -> Floats:
    """What of a shift is more than chance: recordings of several recipes have medians that jump."""
    return np.sign(shift) * np.maximum(np.abs(shift) - noise, 0.0)


def _load(trees: bytes) -> xgb.Booster:
    return xgb.Booster({"nthread": 1, "device": "cpu", "verbosity": 0}, model_file=bytearray(trees))
