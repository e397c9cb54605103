"""Flagged samples into the review queue; clear ones are settled by rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np

from dq_pipeline.errors import DQError, StateError
from dq_pipeline.feedback.review import MARK, Tally, fingerprint, half_width, priority, ruling
from dq_pipeline.feedback.settling import Clear, clear, rounds, seen_all_the_same
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Candidate, FlagRow, Opinion, PredictionRow, Review, Ruling
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.find_recordings import UNKNOWN, WHY, Found, find_recordings
from dq_pipeline.steps.serving import in_production

LOOKED = "review_queue"
"""The ledger's fact that holds which flag was looked at last, and samples whose recording has yet to come."""
NEVER_CAME = "its whole recording has not come, and can no longer be on the topic"
_AT_ONCE = 500
_AGAIN = {"reported", "conflicting_labels"}


def fill_queue(world: World, process: str) -> dict[str, Any]:
    """Put what was flagged since the last time into the review queue, and settle what is clear.

    A sample enters whose recording is there, in the form that the process has, and is not that of another sample in
    the queue. The others are refused for good, until they are flagged for another reason. Dying in between loses
    nothing, and doing it again changes nothing.

    Returns
    -------
    dict
        `queued`: new reviews that wait; `settled`: those settled by rule; `refused`: `sample_id` and `reason` of each.
    """
    settings = world.process(process)
    fact = world.ledger.fact(process, LOOKED) or {}
    after, late = int(fact.get("flag", 0)), dict(fact.get("late", {}))
    labelled = _labelled_since(world, process)
    told: dict[str, Any] = {"process": process, "queued": 0, "settled": 0, "refused": []}
    while True:
        rows = world.ledger.flags_after(process, after, _AT_ONCE)
        names = list(dict.fromkeys([*late, *labelled, *(row.flag.sample_id for row in rows)]))
        if not names:
            return told
        still = _Look(world, settings).at(names, told)
        after = rows[-1].id if rows else after
        gone = set(late) - set(still)
        if rows or gone:
            world.ledger.change_fact(process, LOOKED, _looked(after, still, gone), utc_now())
        if not rows:
            return told
        late, labelled = {}, []


def _labelled_since(world: World, process: str) -> list[str]:
    """Samples that waited for a person without a label, and have one by now: a rule may settle them."""
    waiting = world.ledger.reviews(process, limit=_AT_ONCE)
    names = [review.sample_id for review in waiting if not review.reasons.get("labelled", True)]
    return list(world.ledger.labels_of(process, names)) if names else []


def _looked(
    after: int, still: Mapping[str, str], gone: set[str]
) -> Callable[[dict[str, Any] | None], Mapping[str, Any] | None]:
    def change(before: dict[str, Any] | None) -> dict[str, Any]:
        known = before or {}
        late = {name: at for name, at in known.get("late", {}).items() if name not in gone}
        return {"flag": max(after, int(known.get("flag", 0))), "late": late | dict(still)}

    return change


class _Look:
    """One look at some flagged samples."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process, self._now = world, process, utc_now()
        self._rules = process.feedback.review

    def at(self, names: Sequence[str], told: dict[str, Any]) -> dict[str, str]:
        """Deal with them, and count it in `told`; returns those whose recording may come yet, and since when."""
        ledger, process = self._world.ledger, self._process.name
        flagged, before = ledger.flags_of(process, names), ledger.reviews_of(process, names)
        fresh = {name: rows for name in names if (rows := _fresh(flagged.get(name, ()), before.get(name, ())))}
        if not fresh:
            return {}
        chosen = list(fresh)
        answers, labels = ledger.answers(process, chosen), ledger.labels_of(process, chosen)
        found = find_recordings(self._world, self._process, chosen, answered=answers)
        still: dict[str, str] = {}
        entering: list[Candidate] = []
        rulings: dict[str, Clear] = {}
        for name in chosen:
            rows, answer, recording = fresh[name], answers.get(name), found[name]
            if recording.missing == UNKNOWN and answer is not None and not self._too_late(rows):
                still[name] = rows[0].at.isoformat()
                continue
            candidate = self._candidate(name, rows, answer, recording, name in labels)
            verdict = None
            if not candidate.refused:
                verdict = clear(
                    self._rules,
                    candidate.reasons["kinds"],
                    unified=recording.unified,
                    threshold=self.threshold,
                    answer=answer,
                    labels=labels.get(name, ()),
                    scale=candidate.reasons["scale"],
                    classes=self._process.target.task == "classification",
                )
            if verdict is not None and seen_all_the_same(self._rules, name):
                rule = {"name": verdict.rule, "action": verdict.action, "value": verdict.value}
                candidate = replace(candidate, reasons={**candidate.reasons, "rule": rule})
            elif verdict is not None:
                rulings[name] = verdict
            entering.append(candidate)
        for review, new in ledger.enqueue(process, entering, self._now):
            if review.state == "refused":
                told["refused"].append({"sample_id": review.sample_id, "reason": review.reasons["refused"]})
            elif review.sample_id in rulings:
                answer = answers.get(review.sample_id)
                told["settled"] += self._settle(review, rulings[review.sample_id], answer)
            else:
                told["queued"] += new
        return still

    @cached_property
    def threshold(self) -> float:
        """The score from which a recording is good enough."""
        return threshold_of(self._world, self._process)

    @cached_property
    def _spread(self) -> float:
        """Standard deviation of the newest labels: what is large where an answer has no interval."""
        known = [row.target for row in self._world.ledger.judged(self._process.name, last=200)]
        return float(np.std(known)) if len(known) > 1 else 0.0

    def _too_late(self, rows: Sequence[FlagRow]) -> bool:
        kept = timedelta(hours=self._process.stream.retention_h)
        return self._now - rows[-1].at > kept

    def _candidate(
        self, name: str, rows: Sequence[FlagRow], answer: PredictionRow | None, recording: Found, labelled: bool
    ) -> Candidate:
        parts = priority([row.flag for row in rows], answer)
        kinds = sorted({str(row.flag.kind) for row in rows})
        reasons = {
            "kinds": kinds,
            "flags": [row.id for row in rows],
            "parts": parts,
            "labelled": labelled,
            "scale": 0.0 if self._process.target.task == "classification" else half_width(answer) or self._spread,
        }
        return Candidate(
            sample_id=name,
            priority=round(sum(parts.values()), 3),
            reasons=reasons,
            rounds=rounds(self._rules, name, kinds),
            content="" if recording.batch is None else fingerprint(recording.batch.values[0]),
            refused=NEVER_CAME
            if recording.missing == UNKNOWN and answer is not None
            else WHY.get(recording.missing, ""),
        )

    def _settle(self, review: Review, verdict: Clear, answer: PredictionRow | None) -> bool:
        """Settle it by rule, unless a person was faster."""
        who = f"rule:{verdict.rule}"
        said = Opinion(
            review=review.id,
            sample_id=review.sample_id,
            who=who,
            action=verdict.action,
            before=verdict.value,
            after=None,
            why=verdict.why,
            automatic=True,
            token=who,
        )

        def decide(waiting: Review, opinions: Sequence[Opinion]) -> Ruling:
            if any(not one.automatic for one in opinions):
                raise StateError(f"review {waiting.id} has an opinion of a person")
            result = Tally(waiting.rounds, verdict.action, verdict.value, (who,))
            return ruling(waiting, opinions, result, release="" if answer is None else answer.release, now=self._now)

        try:
            ((_, new),) = self._world.ledger.judge(self._process.name, [(review.id, [said], decide)], self._now)
            return bool(new)
        except StateError:
            return False


def threshold_of(world: World, process: Process) -> float:
    """The score from which a recording is good enough, by the release in Production."""
    try:
        return float(in_production(world, process.name).bundle.threshold)
    except DQError:
        return process.quality.stated_threshold


def _fresh(flags: Sequence[FlagRow], before: Sequence[Review]) -> Sequence[FlagRow]:
    """Flags to look at: all that no closed review knew, but of kinds that it knew only reports and conflicts."""
    flags = [row for row in flags if not row.flag.mark.startswith(MARK)]
    closed = [review for review in before if review.state != "waiting"]
    done = {number for review in closed for number in review.reasons.get("flags", ())}
    kinds = {kind for review in closed for kind in review.reasons.get("kinds", ())}
    new = [row for row in flags if row.id not in done]
    return [row for row in new if str(row.flag.kind) not in kinds or str(row.flag.kind) in _AGAIN]
