"""What wrong quality labels do to the learned scorer, and to the model that learns from what it lets through.

The learned scorer is shown scores of the direct one, of which a share is replaced by any number from 0 to 1: what an
annotator does who does not look.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score, roc_auc_score

from dq_pipeline.experiments.experiment import Answer, Asked, Cell, Table, rounded
from dq_pipeline.experiments.quality_trials import Source, Trial, over_seeds, sources, trial
from dq_pipeline.process import PUBLISHED_THRESHOLD
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.curate import in_windows
from dq_pipeline.quality.learned import COPIES, MUTATED, LearnedScorer
from dq_pipeline.quality.scorer import QualityScorer, Scores
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate.faults import faulted

Floats = NDArray[np.float64]

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
SEEDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Mislabelling(QualityScorer):
    """A direct scorer that guesses a share of the scores it gives."""

    share: float = 0.0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def unite(self, u: Floats, late: Floats) -> Scores:
        """As the direct scorer does, and then guess."""
        scores = QualityScorer.unite(self, u, late)
        unified = scores.unified.copy()
        wrong = self.rng.choice(len(unified), round(self.share * len(unified)), replace=False)
        unified[wrong] = self.rng.uniform(size=len(wrong))
        return replace(scores, unified=unified)


def run(asked: Asked) -> Answer:
    """One table: a row for each process and share of wrong labels."""
    shares, seeds = (SHARES[::3], 1) if asked.quick else (SHARES, SEEDS)
    rows: list[dict[str, Cell]] = []
    found = sources(asked)
    with over_seeds(seeds) as mapped:
        for done, source in enumerate(found):
            asked.report(done, len(found), f"{source.name}: annotation")
            told = np.array(list(mapped(partial(by_share, source, shares, seeds=seeds), range(seeds))))
            names = ("R2 against the direct score", "AUC of spoilt recordings", "error of the model", "excluded")
            for share, figures in zip(shares, np.median(told, axis=0), strict=True):
                cells = {name: rounded(float(figure)) for name, figure in zip(names, figures, strict=True)}
                rows.append({"process": source.name, "wrong labels": share, **cells})
    return [Table("annotation/by_share", "Wrong quality labels", _NOTE, tuple(rows))]


def by_share(source: Source, shares: tuple[float, ...], seed: int, seeds: int) -> list[tuple[float, ...]]:
    """R2, AUC, error and share excluded at the published threshold, for each share of wrong labels."""
    made = trial(source, seed, seeds)
    direct, chosen = made.scorer(np.random.default_rng([seed, 1]))
    exact = in_windows(direct, profile(made.dirty.head(direct.reference.rows), direct.reference))
    told = []
    for share in shares:
        said = learned_scores(made, direct, chosen.head(direct.reference.rows), share, seed)
        kept = said >= PUBLISHED_THRESHOLD
        figures = (r2_score(exact, said), roc_auc_score(made.faulty, -said), made.error(kept), np.mean(~kept))
        told.append(tuple(float(figure) for figure in figures))
    return told


def learned_scores(made: Trial, direct: QualityScorer, known: SampleBatch, share: float, seed: int) -> Floats:
    """Scores (n,) of the training samples by a scorer that learned from labels of which a share is wrong."""
    rng = np.random.default_rng([seed, 2])
    given = {one.name: getattr(direct, one.name) for one in fields(QualityScorer)}
    labels = Mislabelling(**given, share=share, rng=np.random.default_rng([seed, 3]))
    copies = [faulted(known, made.process, rng, share=MUTATED) for _ in range(COPIES)]
    scorer = LearnedScorer.fit(labels, known, copies, rng)
    batch, window = made.dirty.head(direct.reference.rows), direct.window
    found = []
    for begin in range(0, len(batch), window):
        stop = min(begin + window, len(batch))
        before = batch.between(max(begin - window, 0), begin) if begin else None
        found.append(scorer.score(batch.between(begin, stop), direct.reference, before))
    return np.concatenate(found)


_NOTE = (
    "Medians over 5 stretches and seeds. Errors are those of a model fitted on the recordings that the learned scorer "
    "lets pass at 0.25, on clean later ones, in the target's unit; for digits the share named wrong. The direct scorer "
    "needs no labels of quality at all."
)
