"""Clear cases: what is settled by rule, without a person, as the process file states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dq_pipeline.feedback.review import half_width, share_of
from dq_pipeline.records import Action, PredictionRow, TargetRow
from dq_pipeline.records.truth import counting
from dq_pipeline.sections.feedback import Review as Rules

_BEFORE_TRUTH = {"wide_interval", "unusual_prediction", "out_of_distribution"}
_FOR_PEOPLE = {"reported"}


@dataclass(frozen=True, slots=True)
class Clear:
    """What a rule says of a sample, and which rule it is."""

    rule: str
    action: Action
    value: float | None
    why: str


def clear(
    rules: Rules,
    kinds: Sequence[str],
    *,
    unified: float | None,
    threshold: float,
    answer: PredictionRow | None,
    labels: Sequence[TargetRow],
    scale: float,
    classes: bool,
) -> Clear | None:
    """The rule that settles a flagged sample; None where a person must look.

    Parameters
    ----------
    kinds
        Why it is flagged. What a person reports is never settled by rule.
    unified, threshold
        Score of the whole recording, None where it is not known, and the one from which it is good enough.
    labels
        All that are known, oldest first.
    scale
        In which agreement is measured: half-width of the interval, or spread of the labels.
    """
    if not rules.settle or _FOR_PEOPLE & set(kinds):
        return None
    if unified is not None and unified < rules.reject_below * threshold:
        why = f"score {unified:.3g}, below {rules.reject_below:g} of the threshold {threshold:.3g}"
        return Clear("reject_below", "reject", None, why)
    truth = counting(labels)
    if truth is None or answer is None or answer.value is None or answer.fallback is not None:
        return None
    if unified is None or unified < threshold:
        return None
    values = [row.value for row in labels]
    apart = max(values) - min(values)
    within = 0.0 if classes else rules.tolerance * scale
    inside = answer.lower is not None and answer.upper is not None
    inside = inside and all(answer.lower <= value <= answer.upper for value in values)  # type: ignore[operator]
    senders = {(row.origin, row.annotator) for row in labels}
    if len(senders) > 1 and inside and (apart <= within or math.isclose(max(values), min(values))):
        why = f"{len(senders)} labels agree, {min(values):g} to {max(values):g}, and lie within the interval"
        return Clear("labels_agree", "accept", truth.value, why)
    if rules.accept_within and set(kinds) <= _BEFORE_TRUTH:
        off = max(abs(value - answer.value) for value in values)
        half = half_width(answer)
        if off == 0.0 if classes else bool(half) and off <= rules.accept_within * half:
            why = f"the label {truth.value:g} lies {off:.3g} from the answer {answer.value:.4g}"
            return Clear("accept_within", "accept", truth.value, why)
    return None


def seen_all_the_same(rules: Rules, sample_id: str) -> bool:
    """Whether a person sees a sample that a rule would settle; a draw by its id."""
    return share_of(sample_id, "seen") < rules.seen_share


def rounds(rules: Rules, sample_id: str, kinds: Sequence[str]) -> int:
    """How many opinions that agree a sample wants: 1, or 2."""
    if rules.second_opinion == "conflicts":
        return 2 if "conflicting_labels" in kinds else 1
    return 2 if share_of(sample_id, "second opinion") < rules.second_opinion else 1
