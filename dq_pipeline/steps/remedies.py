"""What is done about each cause: withhold, correct, roll back, hold, or adapt. Chosen once, and done at most once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from dq_pipeline import units
from dq_pipeline.errors import RegistryError
from dq_pipeline.model.evaluation import window_error
from dq_pipeline.ports import World
from dq_pipeline.records import WITHHELD, Cause, DriftAlarm, EventState, Incident, ReleaseRow
from dq_pipeline.release.parity import differs
from dq_pipeline.steps import agenda
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.serving import Serving, has_form, load, successions
from dq_pipeline.triage.case import Case
from dq_pipeline.triage.verdict import Hypothesis

What = Literal["withhold", "correct", "roll_back", "hold", "adapt", "none"]
LEAST_JUDGED = 5
"""Samples with a target from which a release's error says something."""
CLEAR = 0.8
"""Confidence from which a sensor is corrected."""
CORRECTABLE: Mapping[str, frozenset[str]] = {
    "never": frozenset(),
    "unit": frozenset({"unit"}),
    "clear": frozenset({"unit", "gain", "offset", "gain_offset", "sign"}),
}
"""Faults that may be corrected, by `audit.correct`."""
SURE = 0.5
"""Confidence from which a change that no detector saw is adapted to."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is to be done; `asked`: the next `decide` does it, else it is done with the incident itself."""

    what: What
    detail: str
    asked: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As an incident's record keeps it."""
        state = "asked" if self.asked else "done"
        return {"what": self.what, "state": state, "detail": self.detail, **self.figures}


def choose(
    world: World, serving: Serving, found: Hypothesis, case: Case | None, *, event: bool, first: int | None
) -> Remedy:
    """What to do about a cause.

    Parameters
    ----------
    event
        Whether a drift event asks for an adaptation.
    first
        Number of the first sample that it explains, None where it speaks of none.
    """
    if found.cause is Cause.MODEL_REGRESSION:
        return _back(world, serving, found, case)
    if found.cause in WITHHELD:
        if first is None:
            return Remedy("none", "nothing that was read is doubtful")
        if correction := _correction(world, serving, found):
            gain, offset = correction
            why = f"readings are turned back, (reading - {offset:g}) / {gain:g}, from the next micro-batch on; "
            why += f"nothing is learned from sample {first} up to there"
            return Remedy("correct", why, asked=True, figures={"gain": gain, "offset": offset})
        return Remedy("withhold", f"nothing is learned from sample {first} on until it is well again")
    if event:
        return Remedy("adapt", "taken for the process: it is adapted to once enough of it has come")
    if found.cause is Cause.UNDETERMINED or found.confidence < SURE:
        return Remedy("none", "no drift was found and nothing is sure: a person should look")
    return Remedy("adapt", "no detector saw it: a refit is asked for", asked=True)


def pending(world: World, serving: Serving, standing: list[Incident]) -> dict[str, Any] | None:
    """Do what open incidents ask for and nobody did yet; a rollback is answered as `decide` does, None otherwise."""
    for one in standing:
        if one.action.get("state") != "asked":
            continue
        if one.action["what"] == "roll_back":
            to = str(one.action["version"])
            if one.subject == serving.version:
                return {"branch": "roll_back", "version": to, "why": f"incident {one.id}: {one.title}"}
            _done(world, one, f"release {serving.version} answers in place of {one.subject}")
        elif one.action["what"] == "correct":
            _correct(world, one)
        elif one.action["what"] == "adapt":
            _adapt(world, serving, one)
    return None


def _done(world: World, one: Incident, what: str) -> None:
    world.ledger.note_incident(one.process, one.id, what, utc_now(), action={**one.action, "state": "done"})


def _correction(world: World, serving: Serving, found: Hypothesis) -> tuple[float, float] | None:
    """Gain and offset that a sensor may be corrected with by itself; None where a person has to."""
    allowed = world.process(serving.process.name).audit.correct
    fault, gain = found.figures.get("fault"), float(found.figures.get("gain", 0.0))
    if found.cause is not Cause.CALIBRATION or found.subject not in serving.process.sensors or gain == 0.0:
        return None
    if fault not in CORRECTABLE[allowed] or found.confidence < CLEAR:
        return None
    gain_offset = gain, float(found.figures.get("offset", 0.0))
    return _exact(serving.process.sensors[found.subject].unit, *gain_offset) if fault == "unit" else gain_offset


def _exact(unit: str, gain: float, offset: float) -> tuple[float, float]:
    """The conversion between units that a gain and an offset were rounded from; themselves if there is none."""
    dimension = units.UNITS[unit].dimension if unit in units.UNITS else None
    others = [name for name, known in units.UNITS.items() if known.dimension == dimension and name != unit]
    for one in (units.conversion(*pair) for other in others for pair in ((unit, other), (other, unit))):
        if np.allclose(one, (gain, offset), rtol=1e-4, atol=1e-9):
            return one
    return gain, offset


def _correct(world: World, one: Incident) -> None:
    """Turn a sensor's readings back from the next micro-batch on; what was read before stays withheld."""
    name, gain, offset = one.process, float(one.action["gain"]), float(one.action["offset"])
    made = world.ledger.correct(name, str(one.sensor), gain, offset, one.id, "dq", one.title, utc_now())
    after = world.ledger.committed(name, after=made.after)
    stop = after[0].first_sample if after else world.ledger.sample_count(name)
    what = f"corrected: (reading - {offset:g}) / {gain:g} from sample {stop} on"
    world.ledger.note_incident(name, one.id, what, utc_now(), action={**one.action, "state": "done"}, stop=stop)


def _adapt(world: World, serving: Serving, one: Incident) -> None:
    """Have a change learned that no detector saw; not while something else is due or adaptation is on hold."""
    name = serving.process.name
    if world.ledger.hold(name) is not None or agenda.read(world, name).due is not None:
        return
    first = one.first or 0
    event = world.ledger.raise_event(name, _alarm(serving, one, first), utc_now())
    if event.state is EventState.OPEN:
        world.ledger.explain_event(event.id, {"kind": one.cause, "why": one.title, "sensor": "", "onset": first})
        agenda.take_up(world, name, event, f"incident {one.id}: {one.title}")
    _done(world, one, f"drift event {event.id} is adapted to")


def _alarm(serving: Serving, one: Incident, first: int) -> DriftAlarm:
    return DriftAlarm(
        detector="triage",
        release=serving.version,
        sample_id="",
        sample=first,
        change_point=float(first),
        statistic=0.0,
        threshold=0.0,
        sensors=(),
        calibrated=False,
        evidence={"trigger": f"incident {one.id}"},
    )


def _back(world: World, serving: Serving, found: Hypothesis, case: Case | None) -> Remedy:
    """The newest earlier release that computes what it did and does no worse; a hold where none does."""
    if found.subject != serving.version:
        return Remedy("none", f"release {found.subject} does not answer: {serving.version} does")
    if found.figures.get("against") == ["production"]:
        return Remedy("none", "here and now it gives what it gave when it was made: other code answered before")
    tried: list[dict[str, str]] = []
    for row in _earlier(world, serving):
        against = _objection(world, serving, row, case)
        if not against:
            why = f"release {row.version} answered before, computes what it did and does no worse"
            return Remedy("roll_back", why, asked=True, figures={"version": row.version, "tried": tried})
        tried.append({"version": row.version, "why": against})
    same = bool(tried) and all("steps" in one["why"] for one in tried)
    why = "no earlier release to go back to" if not tried else "; ".join(f"{t['version']}: {t['why']}" for t in tried)
    told = f"the code is at fault for every release: {why}" if same else why
    return Remedy("hold", f"nothing adapts until a person looks; not rolled back: {told}", figures={"tried": tried})


def _earlier(world: World, serving: Serving) -> list[ReleaseRow]:
    """Releases that were in Production before the one that is, the newest first, each once."""
    rows = {row.version: row for row in world.ledger.releases(serving.process.name)}
    changes = successions(world, serving.process.name)
    came = max((i for i, c in enumerate(changes) if c.version == serving.version), default=0)
    before = [c.version for c in reversed(changes[:came]) if c.version != serving.version]
    away = {c.previous for c in changes if c.action == "rollback"}
    return [rows[version] for version in dict.fromkeys(before) if version in rows and version not in away]


def _objection(world: World, serving: Serving, row: ReleaseRow, case: Case | None) -> str:
    """Why not to go back to a release; empty where nothing speaks against it."""
    try:
        one = load(world, row)
    except RegistryError as error:
        return f"it cannot be had: {error}"
    if one.process.target != serving.process.target or not has_form(one.process, serving.process):
        return "it answers another question, or reads recordings of another form"
    if steps := differs(one.bundle):
        return f"its steps {', '.join(steps)} give other numbers than when it was made"
    if case is None:
        return ""
    since = case.since
    other = since.shadow.get(one.version)
    if other is None:
        values = since.values[:, : one.process.sample.horizon_rows]
        other = np.asarray(one.bundle.model.predict(one.bundle.features.matrix(values)).value, dtype=np.float64)
    known = np.isfinite(since.target) & np.isfinite(since.value) & np.isfinite(other)
    known &= np.array([version == serving.version for version in since.release], dtype=np.bool_)
    if known.sum() < LEAST_JUDGED:
        return ""
    task = serving.process.target.task
    own, its = (window_error(since.target[known], v[known], task) for v in (since.value, other))
    better = own is not None and its is not None and its < own
    return "" if better else f"its error on the same {int(known.sum())} samples is {its:.4g}, not below {own:.4g}"
