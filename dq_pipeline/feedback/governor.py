"""When a model is trained again, and when not: triggers that ask for it, and objections, each in words. Pure.

What is known is gathered elsewhere. A trigger says what it looked at whether it fires or not; an objection says when it
ends by itself, if it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dq_pipeline.feedback.coverage import Coverage
from dq_pipeline.sections.feedback import Retrain

WEEK = timedelta(days=7)
TRIVIAL = ("reinstate",)
"""Kinds of adaptation that train nothing: nothing is to be spared by putting them off."""
CARRIES_MODEL = ("rereference", *TRIVIAL)
"""Kinds that leave the model as it is: no two trainings follow each other too soon."""


@dataclass(frozen=True, slots=True)
class Training:
    """One attempt at an adaptation, and the seconds that it really took so far."""

    key: str
    kind: str
    began: datetime
    seconds: float

    @property
    def ended(self) -> datetime:
        """When it ended, or was last heard of."""
        return self.began + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class ErrorRatio:
    """The error seen in Production over the one that the release promised at its evaluation.

    Attributes
    ----------
    low
        Lower end of the ratio's bootstrap interval.
    samples, judged_on
        Truths behind the one and the other.
    estimated
        Whether the truths have not come yet and the error is an estimate.
    """

    ratio: float
    low: float
    seen: float
    promised: float
    samples: int
    judged_on: int
    metric: str
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when somebody asks whether to train.

    Attributes
    ----------
    now
        Aware.
    zone
        The process' time zone.
    since
        When the newest model that was trained, promoted or not, began to be trained.
    new_labels
        Accepted samples whose label came, or was changed, since then.
    trainings
        Attempts of the last week, oldest first.
    error, coverage
        None where nothing asks for them, or too little is known.
    """

    now: datetime
    zone: str
    since: datetime
    new_labels: int
    trainings: Sequence[Training] = ()
    error: ErrorRatio | None = None
    coverage: Coverage | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One reason to train: whether it fires, and its figures in words."""

    name: str
    fires: bool
    why: str


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to train now; `until` is when it ends by itself, None where that is not known."""

    name: str
    why: str
    until: datetime | None = None


def triggers(known: Situation, settings: Retrain) -> tuple[Trigger, ...]:
    """Every trigger that the process file states, the most urgent first.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> triggers(Situation(noon, "UTC", noon - timedelta(hours=3), 12), Retrain(labels=50))[0].why
    '12 new labelled samples since 2026-03-02 09:00 UTC, 50 wanted: 38 to come'
    """
    found = []
    if settings.error is not None:
        found.append(_error(known.error, settings.error))
    if settings.coverage is not None:
        found.append(_coverage(known.coverage, settings.coverage, settings.min_labels))
    if settings.labels is not None:
        short = settings.labels - known.new_labels
        rest = "enough" if short <= 0 else f"{short} to come"
        count = f"{_labels(known.new_labels)} since {_at(known, known.since)}, {settings.labels} wanted"
        found.append(Trigger("labels", short <= 0, f"{count}: {rest}"))
    if settings.every_h is not None:
        due = known.since + timedelta(hours=settings.every_h)
        every = f"one every {settings.every_h:g} h"
        why = f"the last training began {_at(known, known.since)}; {every}: due {_at(known, due)}"
        found.append(Trigger("schedule", known.now >= due, why))
    return tuple(found)


def objections(known: Situation, settings: Retrain, *, kind: str, by_drift: bool) -> tuple[Objection, ...]:
    """Why an adaptation of this kind may not begin now; empty if it may.

    Parameters
    ----------
    kind
        "refit", "rebuild", "rereference" or "reinstate".
    by_drift
        A drift asks for it, which is evidence of its own: it needs no labels that were not there before.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> known = Situation(noon, "UTC", noon, 500, [Training("labels-0-8", "refit", noon - timedelta(hours=2), 60.0)])
    >>> (only,) = objections(known, Retrain(cooldown_h=6), kind="refit", by_drift=False)
    >>> only.why
    'the last training ended 2026-03-02 10:01 UTC; 6 h from one to the next: until 2026-03-02 16:01 UTC'
    """
    if kind in TRIVIAL:
        return ()
    found = [_budget(known, settings.budget_s), _hours(known, settings.hours)]
    if kind not in CARRIES_MODEL:
        found.insert(0, _cooldown(known, settings.cooldown_h))
        found.insert(0, None if by_drift else _labels_wanted(known, settings.min_labels))
    return tuple(one for one in found if one is not None)


def used_s(trainings: Sequence[Training], at: datetime) -> float:
    """Seconds of training in the seven days before a moment."""
    return sum(one.seconds for one in trainings if at - WEEK < one.began <= at)


def next_time(now: datetime, objections: Sequence[Objection]) -> datetime | None:
    """When the last of the objections ends by itself: now if there is none, None if one of them does not."""
    ends = [one.until for one in objections]
    return None if None in ends else max([now, *(end for end in ends if end is not None)])


def _error(found: ErrorRatio | None, limit: float) -> Trigger:
    if found is None:
        return Trigger("error", False, "no verdict: too few truths of the release in Production have come")
    if found.estimated:
        what = f"{found.metric} {found.seen:.4g} expected of {found.samples} answers whose truths have not come"
        promised = f"{found.promised:.4g} at training"
    else:
        what = f"{found.metric} {found.seen:.4g} on {found.samples} samples"
        promised = f"{found.promised:.4g} promised on {found.judged_on}"
    ratio = f"ratio {found.ratio:.2f}, surely at least {found.low:.2f}"
    return Trigger("error", found.low > limit, f"{what}, {promised}: {ratio}; more than {limit:g} wanted")


def _coverage(found: Coverage | None, limit: float, least: int) -> Trigger:
    if found is None:
        return Trigger("coverage", False, "no verdict: too few flagged samples, or a release without flag rules")
    share = f"{found.within} of {found.flagged} flagged samples lie near what was learned from ({found.share:.0%})"
    if found.share >= limit:
        return Trigger("coverage", False, f"{share}, less than {limit:.0%} wanted")
    if found.labelled >= least:
        why = f"{share}, less than {limit:.0%}; {found.labelled} of the others are labelled by now"
        return Trigger("coverage", True, why)
    wanted = ", ".join(found.wanted[:5]) + (" ..." if len(found.wanted) > 5 else "")
    why = f"{share}, less than {limit:.0%}, but {found.labelled} of the others are labelled, {least} expected"
    return Trigger("coverage", False, f"{why}: labels are wanted for {wanted}")


def _labels_wanted(known: Situation, least: int) -> Objection | None:
    if known.new_labels >= least:
        return None
    why = f"{_labels(known.new_labels)} since the last training began {_at(known, known.since)}, at least {least}"
    return Objection("min_labels", f"{why} expected: the same data would give the same answer")


def _cooldown(known: Situation, hours: float) -> Objection | None:
    ended = max((one.ended for one in known.trainings if one.kind not in CARRIES_MODEL), default=None)
    if not hours or ended is None or known.now >= ended + timedelta(hours=hours):
        return None
    until = ended + timedelta(hours=hours)
    why = f"the last training ended {_at(known, ended)}; {hours:g} h from one to the next: until {_at(known, until)}"
    return Objection("cooldown", why, until)


def _budget(known: Situation, limit: float | None) -> Objection | None:
    if limit is None:
        return None
    expected = known.trainings[-1].seconds if known.trainings else 0.0
    used = used_s(known.trainings, known.now)
    if used + expected <= limit:
        return None
    spent = f"{used:.0f} s of training in the last seven days and {expected:.0f} s for the next, {limit:g} s allowed"
    if expected > limit:
        return Objection("budget", f"{spent}: one training takes more than a week's budget")
    for one in sorted(known.trainings, key=lambda one: one.began):
        until = one.began + WEEK
        if until > known.now and used_s(known.trainings, until) + expected <= limit:
            return Objection("budget", f"{spent}: until {_at(known, until)}", until)
    raise AssertionError("without any training the expected one is within the budget")


def _hours(known: Situation, hours: tuple[int, int] | None) -> Objection | None:
    if hours is None:
        return None
    zone = ZoneInfo(known.zone)
    local, (first, stop) = known.now.astimezone(zone), hours
    inside = first <= local.hour < stop if first < stop else local.hour >= first or local.hour < stop
    if inside:
        return None
    opens = local.replace(hour=first, minute=0, second=0, microsecond=0)
    opens = opens if opens > local else opens + timedelta(days=1)  # by the wall clock, whatever its changes
    until = opens.astimezone(known.now.tzinfo)
    why = f"it is {local:%H:%M} in {known.zone}, and models are trained from {first}:00 to {stop}:00"
    return Objection("hours", f"{why}: until {_at(known, until)}", until)


def _labels(count: int) -> str:
    return f"{count} new labelled sample{'' if count == 1 else 's'}"


def _at(known: Situation, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(known.zone)):%Y-%m-%d %H:%M} {known.zone}"
