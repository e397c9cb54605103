"""Streams with something wrong in them, played as the platform plays them: scored, answered, flagged, learned from.

History is scored as an initialization does it; then a release answers so many recordings, and the next one learns from
what was good enough and labelled until then. A label counts from when it comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols import PROCESSES, gated, put_faults, scale_of, stream
from dq_pipeline.demo.plans import PLANS
from dq_pipeline.feed import prepare
from dq_pipeline.feedback.flags import Rules
from dq_pipeline.late_labels import Late
from dq_pipeline.model.features import Features
from dq_pipeline.model.inference import Model
from dq_pipeline.model.intervals import recalibrated
from dq_pipeline.model.training import Training, train
from dq_pipeline.process import Process
from dq_pipeline.process_file import load
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import DIMENSIONS
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.records import UNBUDGETED, Flag, FlagKind
from dq_pipeline.samples import SampleBatch
from dq_pipeline.simulate import vacuum
from dq_pipeline.simulate.drifts import DRIFTS, Step
from dq_pipeline.steps.flag_rules import Scored, fitted
from dq_pipeline.steps.reference import curated, fit_scorer_on, with_faults

BATCH, SCORED = 25, 200
SHARE = 0.2
LAG, WRONG_LABELS = 30, 0.03
KINDS = tuple(str(kind) for kind in FlagKind if kind not in UNBUDGETED)
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What n samples of a stream got: by kind, by score, and what was wrong with them in truth."""

    faulty: Mask
    mislabelled: Mask
    by_kind: dict[str, Mask]
    unified: Floats
    accepted: Mask
    answers: Floats
    """(n, 4): value, lower, upper, label."""

    @property
    def wrong(self) -> Mask:
        """(n,) a faulty recording or a wrong label."""
        return self.faulty | self.mislabelled

    def flagged(self, *without: FlagKind) -> Mask:
        """(n,) flagged by any kind but these."""
        masks = [mask for kind, mask in self.by_kind.items() if kind not in without]
        return np.asarray(np.any(masks, axis=0), dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """What answers, scores and flags."""

    features: Features
    training: Training
    scorer: QualityScorer
    rules: Rules | None

    @property
    def model(self) -> Model:
        """What answers."""
        return self.training.model


class Stream:
    """Recordings of a process in time order, the first `begin` of them its history, and what became of them."""

    def __init__(self, process: Process, history: SampleBatch, rng: np.random.Generator) -> None:
        self.process, self.batch, self.rng, self.begin, self.lag = process, history, rng, len(history), 0
        fitted_on = history.head(process.sample.rows).take(np.arange(min(SCORED, len(history))))
        clean = fitted_on.take(curated(process, fitted_on, rng))
        scorer = fit_scorer_on(process, clean, with_faults(process, clean, rng), rng)
        profiled = profile(history.head(scorer.reference.rows), scorer.reference)
        scores, window = [], scorer.window
        for first in range(0, len(history), window):
            before = profiled.take(slice(max(first - window, 0), first)) if first else None
            scores.append(scorer.score(profiled.take(slice(first, first + window)), before).unified)
        self.unified = np.concatenate(scores)
        self.accepted = self.unified >= process.quality.stated_threshold
        self.release = self._learned(self.begin, scorer)

    def play(self, rest: SampleBatch, every: int, lag: int = 0) -> dict[str, Mask]:
        """Take in the stream, a new release every so many samples, labels `lag` late; (n,) flagged by each kind."""
        self.batch, self.lag = SampleBatch.concat([self.batch, rest]), lag
        n, begin = len(self.batch), self.begin
        self.unified = np.append(self.unified, np.full(len(rest), np.nan))
        self.accepted = np.append(self.accepted, np.zeros(len(rest), np.bool_))
        number = {name: i for i, name in enumerate(self.batch.ids)}
        flags: list[Flag] = []
        answers, since, judged = np.full((n, 4), np.nan), begin, begin  # value, lower, upper, truth
        for first in range(begin, n, BATCH):
            until = min(first + BATCH, n)
            if first - since >= every:
                self.release, since = self._learned(first, None), first
            flags += self._assessed(first, until, answers, since)
            known = n if until == n else max(until - lag, judged)
            flags += self._judged(judged, known, answers)
            judged = known
        self.answers = answers[begin:]
        found = {kind: [number[flag.sample_id] for flag in flags if flag.kind == kind] for kind in KINDS}
        return {kind: np.isin(np.arange(begin, n), rows) for kind, rows in found.items()}

    def _assessed(self, first: int, until: int, answers: Floats, since: int) -> list[Flag]:
        release, threshold = self.release, self.process.quality.stated_threshold
        shown, rows = self.batch.between(first, until), release.scorer.reference.rows
        before = self.batch.between(max(first - BATCH, 0), first).head(rows)
        reference = release.scorer.reference
        scores = release.scorer.score(profile(shown.head(rows), reference), profile(before, reference))
        self.unified[first:until] = scores.unified
        self.accepted[first:until] = good = scores.unified >= threshold
        matrix = release.features.transform(shown)
        said = release.model.predict(matrix)
        own = np.arange(since, max(first - self.lag, since))
        value, lower, upper, truth = answers[own[self.accepted[own]]].T
        errors, missed = np.abs(truth - value), (truth < lower) | (upper < truth)
        lower, upper = recalibrated(release.model.calibration, errors, missed).interval(said.value)
        answers[first:until] = np.stack([said.value, lower, upper, shown.target], axis=1)
        if release.rules is None:
            return []
        dimensions = dict(zip(DIMENSIONS, scores.dimensions.T, strict=True))
        flags = release.rules.at_answer(shown.ids, "1", matrix, said.value, good)
        return flags + release.rules.at_score(shown.ids, "1", scores.unified, threshold, dimensions)

    def _judged(self, first: int, until: int, answers: Floats) -> list[Flag]:
        """The labels of samples first <= number < until come; who is below the threshold was answered otherwise."""
        if self.release.rules is None:
            return []
        rows = [i for i in range(first, until) if self.accepted[i]]
        before = np.arange(self.begin, first)
        recent = answers[before[self.accepted[before]]]
        return self.release.rules.at_target([(self.batch.ids[i], "1", answers[i]) for i in rows], recent)

    def _learned(self, until: int, scorer: QualityScorer | None) -> Release:
        """A release of what was good enough and labelled before `until`, with the scorer or a new one."""
        process, rng = self.process, self.rng
        good = np.flatnonzero(self.accepted[:until])
        chosen = good[(good < self.begin) | (good < until - self.lag)]
        batch = self.batch.take(chosen)
        features = Features.fit(batch, process.sample.horizon_rows)
        matrix = features.transform(batch)
        training = train(matrix, batch.target, process, feature_names=features.names, rng=rng, candidate={})
        if scorer is None:
            low = self.unified[good]
            newest = self.batch.take(good[low >= np.quantile(low, 0.1)][-SCORED:])  # as an adaptation chooses them
            scorer = fit_scorer_on(process, newest, with_faults(process, newest, rng), rng)
        threshold = process.quality.stated_threshold
        scored = Scored(self.unified[chosen], self.unified[:until], scorer.injected, threshold)
        rules = fitted(process, features, matrix, training, batch.target, scored)
        return Release(features, training, scorer, rules)


def injected(name: str, begin: int, kind: str, every: int, samples: int | None) -> tuple[Process, Played]:
    """A data set from `begin` on with something wrong in a fifth of it, or in nothing; the truth stays what it was."""
    process, batch = stream(name, samples)
    batch = batch.take(np.flatnonzero(np.isfinite(batch.target)))
    rng = np.random.default_rng(0)
    past, rest = batch.take(np.arange(begin)), batch.take(np.arange(begin, len(batch)))
    rest, wrong = _spoilt(process, past, rest, kind, rng)
    played = Stream(process, past, rng)
    found = played.play(rest, every)
    nothing, score, good = np.zeros(len(rest), np.bool_), played.unified[begin:], played.accepted[begin:]
    return process, Played(wrong, nothing, found, score, good, played.answers)


def loop(seed: int, every: int) -> tuple[Process, Played]:
    """The demo's pump-down: faults in history and stream, wear, labels that come late and some of them wrong."""
    plan, process = PLANS["vacuum_lab"], load(PROCESSES / "vacuum_lab.yaml").as_recorded
    begin, rng = process.history.samples, np.random.default_rng(seed)
    past = prepare(vacuum.simulate(begin, rng), process, seed=seed + 1, faults=plan.faults)
    wear = vacuum.VacuumDrift(begin + plan.drift.at, "wear", plan.wear)
    start = vacuum.DEFAULT_START + np.timedelta64(begin, "h")
    rest = vacuum.simulate(plan.samples, rng, start=start, first=begin, drift=wear)
    played = Stream(process, gated(process, past.recordings), np.random.default_rng(seed))
    late = Late(LAG, WRONG_LABELS, float(np.sqrt(np.mean(played.release.training.scores**2))))
    feed = prepare(rest, process, seed=seed, faults=plan.faults, damaged=plan.damaged, late=late)
    arrived = [one for one in feed.recordings if feed.damaged.get(one.sample_id, "duplicate") == "duplicate"]
    if feed.labels is None:
        raise AssertionError("labels were asked for")
    said = np.array([feed.labels.said[one.sample_id].value for one in arrived])
    found = played.play(replace(gated(process, arrived), target=said), every, LAG)
    faulty, mislabelled = (
        np.array([one.sample_id in names for one in arrived]) for names in (feed.faults, feed.labels.right)
    )
    score, good = played.unified[begin:], played.accepted[begin:]
    return process, Played(faulty, mislabelled, found, score, good, played.answers)


def _spoilt(
    process: Process, past: SampleBatch, rest: SampleBatch, kind: str, rng: np.random.Generator
) -> tuple[SampleBatch, Mask]:
    scale = scale_of(past)
    wrong = np.zeros(len(rest), np.bool_)
    if kind == "nothing":
        return rest, wrong
    if kind == "faults":
        found = put_faults(rest, process, scale, rng, SHARE)
        return found.batch, found.faulty
    wrong[rng.choice(len(rest), round(SHARE * len(rest)), replace=False)] = True
    values = rest.values.copy()
    for i in np.flatnonzero(wrong):
        _drift(values[i], scale, rng)
    return replace(rest, values=values), wrong


def _drift(values: Floats, scale: Floats, rng: np.random.Generator) -> None:
    """One kind in one to three sensors of a recording (T, f): 1 to 5 sd, gains of 10 to 50 %, units of 10 and .1."""
    kind = str(rng.choice(list(DRIFTS)))
    sizes = {"gain": rng.uniform(0.1, 0.5), "unit": rng.choice([10.0, 0.1])}
    size = float(sizes.get(kind, rng.uniform(1.0, 5.0)))
    moved = rng.choice(values.shape[1], min(int(rng.integers(1, 4)), values.shape[1]), replace=False)
    for position, j in enumerate(moved.tolist()):
        values[:, j] = DRIFTS[kind](values[:, j], Step(size, float(scale[j]), position))
