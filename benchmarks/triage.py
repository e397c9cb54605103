"""Triage by fault injection: how soon a trouble of a known cause is found, and whether its cause is named first.

Every cause is put into undisturbed streams of the pump-down and of the hydraulic rig at three severities, kinds and
sensors by turns and by lot; see :mod:`benchmarks.trouble_streams` for the streams, `benchmarks.triage_trials` for the
sizes. What watches is what runs: the drift detector of the release, and the monitors of errors, delivery and labels. A
trouble counts as found if anything raises an alarm within 100 samples; triage is then asked at the end of that
micro-batch, and again at the end of the next ones while it waits or finds nothing. A sensor's trouble that changes
neither its level by half a standard deviation nor a fiftieth of its readings is none, and another sensor is drawn.

An offset or a gain of a sensor that neither the others (they explain less than 0.3 of its variance) nor a trusted
reference contradict is a class of its own: "undetermined". Which sensors these are is fixed on the recordings that a
release is made of. Beside it: the first cause check alone, a cause for each kind of alarm, and always the commonest
cause.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.protocols import available
from benchmarks.triage_trials import RULE, Told, Trouble, attempt, determined, troubles, undisturbed
from benchmarks.trouble_streams import Plant, plant
from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.records import Cause
from dq_pipeline.simulate.troubles import SEVERITIES

FOLDER = Path(__file__).resolve().parents[1] / "var" / "evidence"
REPEATS, PLANTS, FIRST_PLANT = 18, 3, 500
"""Of each cause and severity; other recordings, orders and releases; and the first of those figures are made with.

Plants below 100 are those that triage was developed on; those from 100, 200 and 400 on made earlier figures."""
QUIET = 6
FOUND_BAR, RIGHT_BAR, CONFUSED_BAR = 0.9, 0.95, 0.02
_DRAWS = 30
Row = dict[str, Any]


def measure(short: bool) -> list[Row]:
    """Rows for each process; the confusion by severity goes to var/evidence/triage.json."""
    rows: list[Row] = []
    document: dict[str, Any] = {}
    for name in ("hydraulic", "vacuum") if "hydraulic" in available() else ("vacuum",):
        repeats, plants, worlds = (1, 1, Worlds(10, 300)) if short else (REPEATS, PLANTS, Worlds(40, 600))
        built = [plant(name, FIRST_PLANT + k, worlds) for k in range(plants)]
        told = list(trials(name, built, repeats, FIRST_PLANT))
        quiet = [*built, *(plant(name, FIRST_PLANT + 50 + k, worlds) for k in range(0 if short else QUIET - plants))]
        samples, raised = _quiet(quiet)
        rows += _rows(name, told, samples, raised)
        document[name] = _document(told, samples, raised)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "triage.json").write_text(json.dumps({"short": short, **document}, indent=1), encoding="utf-8")
    return rows


def trials(name: str, plants: Sequence[Plant], repeats: int, seed: int) -> Iterator[Told]:
    """So many of each cause and severity, kinds and plants by turns, sensors by lot."""
    for s, severity in enumerate(SEVERITIES):
        for c, (cause, kinds) in enumerate(troubles(name == "hydraulic").items()):
            sized = [kind for kind, sizes in kinds if sizes[s]]
            hidden = [one for one in plants if not determined(one).all()]
            for r in range(repeats):
                among = hidden if cause is Cause.UNDETERMINED else plants
                if not among:
                    continue
                chosen, kind = among[r % len(among)], sized[r % len(sized)]
                rng = np.random.default_rng([seed, s, c, r])
                for draw in range(_DRAWS):
                    trouble = Trouble(cause, kind, severity, int(rng.choice(_sensors(chosen, cause, kind))))
                    found = attempt(chosen, trouble, [seed, s, c, r, draw])
                    if found is not None:
                        yield found
                        break


def _sensors(chosen: Plant, cause: Cause, kind: str) -> Any:
    known = determined(chosen)
    if cause is Cause.UNDETERMINED:
        return np.flatnonzero(~known)
    if cause is Cause.CALIBRATION and kind in ("offset", "gain"):
        return np.flatnonzero(known)
    return np.arange(len(known))


def _quiet(plants: Sequence[Plant]) -> tuple[int, list[tuple[str, str]]]:
    samples, raised = 0, []
    for k, one in enumerate(plants):
        n, found = undisturbed(one, [FIRST_PLANT, k])
        samples += n
        raised += [(by, named) for _, by, named in found]
    return samples, raised


def _rows(name: str, told: list[Told], samples: int, raised: list[tuple[str, str]]) -> Iterator[Row]:
    large = [one for one in told if one.trouble.severity != "small"]
    for label, chosen, barred in (
        ("medium_and_large", large, True),
        *((severity, [one for one in told if one.trouble.severity == severity], False) for severity in SEVERITIES),
    ):
        found = [one for one in chosen if one.after is not None]
        right = sum(_right(one) for one in found)
        against = f"{len(chosen)} injections"
        share = len(found) / max(len(chosen), 1)
        yield _row(f"{name}/found_within_100/{label}", share, against, FOUND_BAR if barred else None, least=True)
        check, rule = (sum(who(one) == one.trouble.cause for one in found) / max(len(found), 1) for who in BESIDE)
        against = f"{len(found)} found; first check {check:.2f}, a cause for each alarm {rule:.2f}, always one 0.11"
        share = right / max(len(found), 1)
        yield _row(f"{name}/right_first/{label}", share, against, RIGHT_BAR if barred else None, least=True)
    found = [one for one in large if one.after is not None]
    pair = [one for one in found if one.trouble.cause in _PAIR]
    mixed = [one for one in pair if one.named in _PAIR and one.named != one.trouble.cause]
    share = len(mixed) / max(len(pair), 1)
    against = f"{len(pair)} of either found"
    yield _row(f"{name}/concept_and_calibration_confused", share, against, CONFUSED_BAR, least=False)
    own = [one for one in found if one.trouble.cause is Cause.UNDETERMINED]
    share = sum(_right(one) for one in own) / max(len(own), 1)
    yield _row(f"{name}/undetermined_called_so", share, f"{len(own)} found", None, least=True)
    of_sensor = [one for one in found if one.trouble.cause in _OF_SENSOR and _right(one)]
    share = sum(one.subject == one.sensor for one in of_sensor) / max(len(of_sensor), 1)
    yield _row(f"{name}/sensor_named", share, f"{len(of_sensor)} rightly put down to a sensor", None, least=True)
    rate = 1000.0 * sum(named != "nothing" for _, named in raised) / max(samples, 1)
    against = f"{len(raised)} alarms in {samples} undisturbed samples"
    yield {**_row(f"{name}/false_incidents", rate, against, None, least=False), "unit": "per 1,000"}


_PAIR = frozenset({Cause.CONCEPT_DRIFT, Cause.CALIBRATION})
_OF_SENSOR = frozenset({Cause.CALIBRATION, Cause.DEAD_SENSOR, Cause.UNDETERMINED})
BESIDE = (lambda one: one.first_check, lambda one: RULE.get(one.by, "late_data"))


def _right(one: Told) -> bool:
    return one.named == str(one.trouble.cause)


def _document(told: list[Told], samples: int, raised: list[tuple[str, str]]) -> dict[str, Any]:
    """Everything that was counted, ready for JSON."""
    confusion: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    kinds: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    decided: dict[str, Counter[bool]] = defaultdict(Counter)
    delays: dict[str, list[int]] = defaultdict(list)
    for one in told:
        cause, severity = str(one.trouble.cause), one.trouble.severity
        named = "not found" if one.after is None else one.named
        confusion[severity][cause][named] += 1
        kinds[f"{cause}/{one.trouble.kind}"][severity]["all"] += 1
        kinds[f"{cause}/{one.trouble.kind}"][severity]["found"] += one.after is not None
        kinds[f"{cause}/{one.trouble.kind}"][severity]["right"] += one.after is not None and _right(one)
        if one.after is not None:
            delays[cause].append(one.after)
            if one.verdict is not None and one.verdict.first is not None:
                decided[one.verdict.decided_by][_right(one)] += 1
    return {
        "confusion": {s: {c: dict(row) for c, row in rows.items()} for s, rows in confusion.items()},
        "kinds": {kind: {s: dict(row) for s, row in rows.items()} for kind, rows in kinds.items()},
        "decided": {by: {"right": count[True], "of": count.total()} for by, count in decided.items()},
        "median_delay": {cause: float(np.median(found)) for cause, found in delays.items()},
        "undisturbed": {"samples": samples, "raised": [list(one) for one in raised]},
    }


def _row(name: str, value: float, against: str, bar: float | None, *, least: bool) -> Row:
    return {
        "name": f"triage/{name}",
        "value": round(value, 3),
        "unit": "share",
        "against": against,
        "bar": None if bar is None else f"{'>=' if least else '<='} {bar:g}",
        "holds": None if bar is None else (value >= bar if least else value <= bar),
    }
