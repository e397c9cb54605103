"""One trial: a trouble of a known cause put into a stream, what finds it and when, and what it is put down to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.trouble_streams import AFTER, COOLERS, LEAD, USUAL_LATE_S, Meta, Plant, Recorded, cycles, pump_downs
from dq_pipeline.audit.virtual import TRUSTED_SHARE
from dq_pipeline.drift.cause import find_cause
from dq_pipeline.records import Cause
from dq_pipeline.simulate.troubles import SEVERITIES, SIZES, Delivered, Severity, inject
from dq_pipeline.simulate.vacuum import VacuumDrift
from dq_pipeline.triage import monitors
from dq_pipeline.triage.case import Case, Stretch
from dq_pipeline.triage.inputs import INFORMED
from dq_pipeline.triage.rank import rank
from dq_pipeline.triage.verdict import Verdict

BATCH, BACK, MOST_BEFORE = 25, 20, 200
PROMOTED = 0.25
"""Share of the trials in which a release was promoted shortly before, and had nothing to do with it."""
MODES: Mapping[str, tuple[float, float, float]] = {
    "announced": (1.0, 2.0, 4.0),  # set point moved by so many sd of what follows it, with another recipe's name
    "known": (1.0, 2.0, 4.0),  # the same without a name, but where the plant has been before
    "regime": (0.0, 1.0, 1.0),  # hydraulic: the third setting of the cooler, announced or known by turns
}
DRIFTS: Mapping[str, tuple[float, float, float]] = {
    "wear": (0.5, 1.0, 2.0),  # pump-down: 1 raises the lowest pressure by about half; over 30 recordings
    "air_leak": (0.5, 1.0, 2.0),  # pump-down, at once
    "pump_leak": (1.0, 2.0, 2.0),  # hydraulic: recorded cycles with a weak (1) or a severe (2) leak
    "fouling": (1.0, 2.0, 4.0),  # hydraulic: four sensors by so many sample-to-sample sd, over 40 cycles
}
REGRESSIONS: Mapping[str, tuple[float, float, float]] = {
    "features_shuffled": (1.3, 2.0, 4.0),  # times the mean absolute error; told by parity
    "spoiled_retraining": (1.3, 2.0, 4.0),  # a release that learned from permuted labels; told by the one before
    "biased_release": (1.3, 2.0, 4.0),
}
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is injected: a cause, a kind of it, how much, and on which sensor where it is a sensor's."""

    cause: Cause
    kind: str
    severity: Severity
    sensor: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a trial.

    Attributes
    ----------
    after
        Samples of the trouble until the first alarm; None if there was none within 100.
    by
        What raised it.
    sensor
        The one at fault, where it is a sensor's.
    first_check
        What the first cause check puts the same samples down to.
    """

    trouble: Trouble
    after: int | None
    by: str
    verdict: Verdict | None
    sensor: str = ""
    first_check: str = "nothing"

    @property
    def named(self) -> str:
        """The cause named first, "nothing" if none was."""
        first = None if self.verdict is None else self.verdict.first
        return "nothing" if first is None else str(first.cause)

    @property
    def subject(self) -> str:
        """Of the cause named first."""
        first = None if self.verdict is None else self.verdict.first
        return "" if first is None else first.subject


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    """`LEAD` undisturbed samples and `AFTER` troubled ones, as they came; `gap` counts those lost before each."""

    came: Delivered
    metadata: Meta
    value: Floats
    previous: Floats
    gap: Floats
    onset: int
    changes: Sequence[Mapping[str, Any]] = ()
    parity: Mapping[str, Sequence[str]] | None = None
    regimes: Mapping[str, Floats] | None = None
    release: str = "2"
    changed: bool = False


def determined(plant: Plant) -> NDArray[np.bool_]:
    """Sensors (f,) whose bias the others or a trusted reference contradict: fixed before anything is injected."""
    names = plant.process.sensor_names
    found = plant.share >= INFORMED
    level = np.nanmean(plant.past.values, axis=1)
    for j, name in enumerate(names):
        trusted = plant.process.sensors[name].trusted
        if trusted in names:
            found[j] |= np.corrcoef(level[:, j], level[:, names.index(trusted)])[0, 1] ** 2 >= TRUSTED_SHARE
    return np.asarray(found)


def troubles(hydraulic: bool) -> dict[Cause, list[tuple[str, tuple[float, float, float]]]]:
    """Kinds of every cause that such a plant can have."""
    drifts = ("pump_leak", "fouling") if hydraulic else ("wear", "air_leak")
    modes = ("announced", "known", "regime") if hydraulic else ("announced", "known")
    found = {Cause(cause): list(kinds.items()) for cause, kinds in SIZES.items()}
    found[Cause.OPERATING_MODE] = [(kind, MODES[kind]) for kind in modes]
    found[Cause.PROCESS_DRIFT] = [(kind, DRIFTS[kind]) for kind in drifts]
    found[Cause.MODEL_REGRESSION] = list(REGRESSIONS.items())
    found[Cause.UNDETERMINED] = [(kind, SIZES["calibration"][kind]) for kind in ("offset", "gain")]
    return found


def attempt(plant: Plant, trouble: Trouble, seed: Sequence[int]) -> Told | None:
    """Put a trouble into the plant's stream, watch, and ask what it is; None if it would change nothing.

    A sensor that rests at 0 has no gain, and is stuck anyway: another is drawn then.
    """
    rng = np.random.default_rng(list(seed))
    stream = _made(plant, trouble, rng)
    if stream is None:
        return None
    found = _alarm(plant, stream)
    name = plant.process.sensor_names[trouble.sensor]
    if found is None:
        return Told(trouble, None, "", None, name)
    sample, begin, by = found
    verdict, asked = None, _end(sample, len(stream.value))
    while True:
        verdict = rank(case_of(plant, stream, begin, asked, by))
        if verdict.first is not None or asked >= len(stream.value):
            break
        asked = min(asked + BATCH, len(stream.value))
    case = case_of(plant, stream, begin, asked, by)
    return Told(trouble, sample - stream.onset + 1, by, verdict, name, _first_check(case))


RULE: Mapping[str, str] = {
    "drift": "process_drift",
    "error": "concept_drift",
    "unlabelled": "labels",
    "lost_readings": "dead_sensor",
    "parity": "model_regression",
}
"""A cause for what raised the alarm, and nothing else looked at; what is not listed is late data."""


def _first_check(case: Case) -> str:
    names = case.process.sensor_names
    units = [sensor.unit for sensor in case.process.sensors.values()]
    found = find_cause(case.before.values, case.since.values, names, units, begin=case.begin)
    return "calibration" if found.kind == "sensor" else "process_drift"


def undisturbed(plant: Plant, seed: Sequence[int]) -> tuple[int, list[tuple[int, str, str]]]:
    """Samples without a trouble, and what was raised and named in them: place, by what, cause."""
    rng = np.random.default_rng(list(seed))
    recorded = plant.stream
    came = Delivered.as_usual(recorded.values, recorded.target, _late(len(recorded), rng))
    value, previous, _ = plant.answers(recorded.values)
    stream = _Stream(came, recorded.metadata, value, previous, np.zeros(len(value)), 0)
    alarms = _alarms(plant, stream, 0)
    found = []
    for sample, begin, by in alarms:
        asked = _end(sample, len(value))
        verdict = rank(case_of(plant, stream, begin, asked, by))
        while verdict.waiting and asked < len(value):
            asked = min(asked + BATCH, len(value))
            verdict = rank(case_of(plant, stream, begin, asked, by))
        found.append((sample, by, "nothing" if verdict.first is None else str(verdict.first.cause)))
    return len(value), found


def case_of(plant: Plant, stream: _Stream, begin: int, stop: int, by: str) -> Case:
    """The case as it stands when so many samples of the stream have come."""
    first = max(begin - BACK, 0)
    past, n = plant.past, len(plant.past)
    nothing = np.full(n, np.nan)
    late = _late(n, np.random.default_rng(n))
    history = _stretch(
        np.arange(-n, 0), Delivered.as_usual(past.values, past.target, late), past.metadata, nothing, nothing, ""
    )
    place = np.arange(len(stream.value))
    whole = _stretch(place, stream.came, stream.metadata, stream.value, stream.previous, stream.release)
    if stream.release != "2":
        whole = replace(whole, release=tuple("2" if i < stream.onset else stream.release for i in place))
    before = _joined(history, whole.part(slice(0, first))).part(slice(-MOST_BEFORE, None))
    lost = int(stream.gap[first:stop].sum())
    twice = int(stream.came.twice[first:stop].sum())
    missing = {name: count for name, count in (("did not come", lost), ("came twice", twice)) if count}
    return Case(
        process=plant.process,
        before=before,
        since=whole.part(slice(first, stop)),
        begin=begin - first,
        alerts=({"kind": by, "subject": "", "sample": begin, "evidence": {}},),
        changes=tuple(one for one in stream.changes if int(one["sample"]) < stop),
        missing=missing,
        parity=stream.parity or {},
        regimes=stream.regimes or {},
    )


def _stretch(
    number: NDArray[np.int64], came: Delivered, metadata: Meta, value: Floats, previous: Floats, release: str
) -> Stretch:
    n = len(number)
    nothing = np.full(n, np.nan)
    return Stretch(
        number=number,
        values=came.values,
        target=came.target,
        value=value,
        lower=nothing,
        upper=nothing,
        release=(release,) * n,
        dimensions=np.full((n, 5), np.nan),
        late=came.late,
        source=("rig",) * n,
        metadata=metadata,
        features=np.zeros((n, 0)),
        labels=((),) * n,
        shadow={"1" if release == "2" else "2" if release else "1": previous},
        disordered=came.disordered,
    )


def _joined(a: Stretch, b: Stretch) -> Stretch:
    both = {
        name: np.concatenate([getattr(a, name), getattr(b, name)])
        for name in ("number", "values", "target", "value", "lower", "upper", "dimensions", "late", "features")
    }
    both["disordered"] = np.concatenate([a.disordered, b.disordered])  # fmt: skip
    told = {name: (*getattr(a, name), *getattr(b, name)) for name in ("release", "source", "metadata", "labels")}
    shadow = {v: np.concatenate([np.full(len(a), np.nan), said]) for v, said in b.shadow.items()}
    return Stretch(**both, **told, shadow=shadow)


def _end(sample: int, most: int) -> int:
    """The end of the micro-batch that a sample comes in."""
    return min((sample // BATCH + 1) * BATCH, most)


def _late(n: int, rng: np.random.Generator) -> Floats:
    return USUAL_LATE_S * np.exp(0.4 * rng.standard_normal(n))


def _alarm(plant: Plant, stream: _Stream) -> tuple[int, int, str] | None:
    """The first alarm from the onset on: its sample, where the change is thought to begin, and what raised it."""
    found = [one for one in _alarms(plant, stream, stream.onset) if one[0] >= stream.onset]
    return found[0] if found else None


def _alarms(plant: Plant, stream: _Stream, onset: int) -> list[tuple[int, int, str]]:
    """Alarms of everything that watches, in the order in which they came; of each monitor all, one after the other."""
    detector, n = plant.detector, len(stream.value)
    seen = detector.update(detector.start(), plant.features_of(stream.came.values))
    found = [(one.sample, _change(one.sample, one.change_point), "drift") for one in seen.alarms]
    past = plant.past
    nothing = np.full(len(past), np.nan)
    late = _late(len(past), np.random.default_rng(len(past)))
    usual = Delivered.as_usual(past.values, past.target, late)
    before = _stretch(np.arange(-len(past), 0), usual, past.metadata, nothing, nothing, "")
    whole = _stretch(np.arange(n), stream.came, stream.metadata, stream.value, stream.previous, stream.release)
    none = {"not_come": np.zeros(len(past)), "twice": np.zeros(len(past))}
    shares = {"not_come": stream.gap / (stream.gap + 1.0), "twice": stream.came.twice * 1.0}
    held, _ = monitors.watch(monitors.Held(), monitors.looked_at(before, shares=none), errors=plant.error)
    _, raised = monitors.watch(held, monitors.looked_at(whole, shares=shares), errors=plant.error)
    found += [(one.sample, max(one.begin, 0), one.kind) for one in raised]
    if stream.parity:
        found.append((min(_end(onset, n) - 1 + BATCH, n - 1), onset, "parity"))
    return sorted(found)


def _change(sample: int, point: float) -> int:
    return int(np.clip(point, max(sample - 100, 0), sample))


def _made(plant: Plant, trouble: Trouble, rng: np.random.Generator) -> _Stream | None:
    """The plant's stream with this trouble from sample `LEAD` on; None if it would change nothing."""
    size_at = SEVERITIES.index(trouble.severity)
    start = int(rng.integers(0, len(plant.stream) - LEAD - AFTER + 1))
    lead = plant.stream.part(start, start + LEAD)
    after = plant.stream.part(start + LEAD, start + LEAD + AFTER)
    changes: list[Mapping[str, Any]] = []
    parity: dict[str, Sequence[str]] = {}
    regimes: dict[str, Floats] = {}
    release = "2"
    if rng.random() < PROMOTED and trouble.cause is not Cause.MODEL_REGRESSION:
        at = LEAD - int(rng.integers(0, 50))
        changes.append({"kind": "promote", "sample": at, "version": "2", "detail": "2: as good as the one before"})
    hydraulic = plant.process.name == "hydraulic"
    if rng.random() < 0.5:  # a regime of the past that is not back
        elsewhere = _set_point(plant, plant.past.part(0, 25), float(rng.choice([-3.0, 3.0])))
        regimes["regime-5"] = np.nanmean(elsewhere.values, axis=1)
    if trouble.cause is Cause.OPERATING_MODE:
        after, back = _mode(plant, trouble.kind, MODES[trouble.kind][size_at], after, hydraulic, rng)
        regimes |= back
    elif trouble.cause is Cause.PROCESS_DRIFT:
        after = _drift(plant, trouble.kind, DRIFTS[trouble.kind][size_at], after, rng)
    late = _late(LEAD + AFTER, rng)
    came = Delivered.as_usual(after.values, after.target, late[LEAD:])
    cause = "calibration" if trouble.cause is Cause.UNDETERMINED else str(trouble.cause)
    if cause in SIZES:
        came = inject(cause, trouble.kind, trouble.severity, trouble.sensor, came, plant.usual, rng)
        if cause in ("calibration", "dead_sensor") and not _shows(plant, trouble, after.values, came.values):
            return None
    value, previous, wrong = plant.answers(np.concatenate([lead.values, came.values]))
    if trouble.cause is Cause.MODEL_REGRESSION:
        ratio, release = REGRESSIONS[trouble.kind][size_at], "3"
        bad = _regressed(plant, trouble.kind, came.values, value[LEAD:], wrong[LEAD:], rng)
        previous = value.copy()
        value[LEAD:] = _as_bad_as(ratio, came.target, value[LEAD:], bad)
        changes.append({"kind": "promote", "sample": LEAD, "version": "3", "detail": "3: drift"})
        if trouble.kind == "features_shuffled":
            parity = {"3": ("features", "prediction", "interval")}
    whole = Delivered.as_usual(lead.values, lead.target, late[:LEAD])
    joined = Delivered(*(np.concatenate([getattr(one, name) for one in (whole, came)]) for name in Delivered.__slots__))
    gap = np.zeros(LEAD + AFTER)
    last = -1
    for i in np.flatnonzero(joined.came):
        gap[i], last = i - last - 1, i
    kept = joined.came
    metadata = tuple(m for m, there in zip((*lead.metadata, *after.metadata), kept, strict=True) if there)
    joined = Delivered(*(getattr(joined, name)[kept] for name in Delivered.__slots__))
    return _Stream(joined, metadata, value[kept], previous[kept], gap[kept], LEAD, changes, parity, regimes, release)


def _shows(plant: Plant, trouble: Trouble, before: Floats, after: Floats) -> bool:
    """Whether a sensor's trouble changes its level by half a standard deviation, or a fiftieth of its readings."""
    j = trouble.sensor
    was, now = before[:, :, j], after[:, :, j]
    if trouble.cause is Cause.DEAD_SENSOR:
        return float(np.mean((np.abs(now - was) > 1e-9) | np.isnan(now))) >= 0.02
    return float(np.mean(np.abs(now.mean(axis=1) - was.mean(axis=1)))) >= 0.5 * plant.usual.sd[j]


def _mode(
    plant: Plant, kind: str, size: float, after: Recorded, hydraulic: bool, rng: np.random.Generator
) -> tuple[Recorded, dict[str, Floats]]:
    """The plant runs at another set point: announced by its recipe, or where it has been before."""
    seed = [int(rng.integers(2**31)), 72]
    known = kind == "known" or (kind == "regime" and bool(rng.integers(2)))
    if kind == "regime":
        other = next(c for c in (3, 20, 100) if c not in coolers_of(plant))
        there = cycles((other,), 0, seed)
        moved, seen = there.part(0, AFTER), there.part(AFTER, len(there))
    elif hydraulic:
        moved, seen = (_set_point(plant, one, size) for one in (after, plant.past))
    else:
        argon = 320.0 + size * plant.usual.sd[plant.process.sensor_names.index("argon_flow")]
        moved, seen = (pump_downs(n, [*seed, n], set_points={"trial": argon}) for n in (AFTER, 60))
    names = [dict(one) | {"recipe": before["recipe"] if known else "trial"}
             for one, before in zip(moved.metadata, after.metadata, strict=True)]  # fmt: skip
    levels = {"regime-7": np.nanmean(seen.values[-25:], axis=1)} if known else {}
    return Recorded(moved.values, moved.target, tuple(names)), levels


def coolers_of(plant: Plant) -> tuple[int, ...]:
    """The cooler settings of a hydraulic stream."""
    recipes = {one["recipe"] for one in plant.past.metadata}
    return next(c for c in COOLERS if {{3: "hot", 20: "warm", 100: "cold"}[x] for x in c} == recipes)


def _set_point(plant: Plant, recorded: Recorded, size: float) -> Recorded:
    """Along the direction in which the sensors move together anyway, the target with them."""
    usual = plant.usual
    way = size * usual.together
    score = ((np.nanmean(plant.past.values, axis=1) - usual.level) / usual.sd) @ usual.common
    slope = float(np.polyfit(score, plant.past.target, 1)[0])
    values = recorded.values + way * usual.common * usual.sd
    return Recorded(values, recorded.target + slope * way, recorded.metadata)


def _drift(plant: Plant, kind: str, size: float, after: Recorded, rng: np.random.Generator) -> Recorded:
    seed = [int(rng.integers(2**31)), 73]
    if kind in ("wear", "air_leak"):
        drift = VacuumDrift(0, "wear" if kind == "wear" else "leak", size, over=30 if kind == "wear" else 0)
        worn = pump_downs(AFTER, seed, drift)
        return Recorded(worn.values, worn.target, after.metadata)
    if kind == "pump_leak":
        worn = cycles(coolers_of(plant), int(size), seed).part(0, AFTER)
        return Recorded(worn.values, worn.target, after.metadata)
    grown = np.clip((np.arange(AFTER) + 1.0) / 40.0, 0.0, 1.0)[:, None]
    values = after.values.copy()
    for j in rng.choice(values.shape[2], 4, replace=False):
        values[:, :, j] += grown * float(rng.choice([-1.0, 1.0])) * size * plant.usual.sd[j]
    return Recorded(values, after.target, after.metadata)


def _regressed(
    plant: Plant, kind: str, values: Floats, value: Floats, wrong: Floats, rng: np.random.Generator
) -> Floats:
    if kind == "spoiled_retraining":
        return wrong
    if kind == "biased_release":
        return value + float(rng.choice([-1.0, 1.0])) * plant.usual.error
    seen = plant.features.matrix(values)
    return plant.model.predict(seen[:, rng.permutation(seen.shape[1])]).value


def _as_bad_as(ratio: float, truth: Floats, value: Floats, bad: Floats) -> Floats:
    """On the way from the answers to the bad ones, or beyond, where the mean absolute error is so many times larger."""
    seen = np.isfinite(truth)
    usual = float(np.mean(np.abs(truth - value)[seen]))
    low, high = 0.0, 1.0
    while np.mean(np.abs(truth - value - high * (bad - value))[seen]) < ratio * usual and high < 1e3:
        high *= 2.0
    for _ in range(40):
        middle = (low + high) / 2.0
        over = np.mean(np.abs(truth - value - middle * (bad - value))[seen]) >= ratio * usual
        low, high = (low, middle) if over else (middle, high)
    return value + high * (bad - value)
