"""Checks of the stream beside the contracts: times, and the dictionary of what is sent.

What cannot be read at all is quarantined by the form gate, which counts it by its reason. Here is what came through,
and is not what it was: clocks that moved, samples and rows out of order, columns, units and metadata.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.contracts import dictionary, times
from dq_pipeline.contracts.metrics import Metric, mean
from dq_pipeline.contracts.period import Period
from dq_pipeline.contracts.verdict import Expectation, judge, needed
from dq_pipeline.errors import SampleError
from dq_pipeline.ports import World
from dq_pipeline.records import ContractResult
from dq_pipeline.sections.contract import TAKEN, Tolerance
from dq_pipeline.steps import landing
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.observed import Window
from dq_pipeline.steps.serving import Serving
from dq_pipeline.steps.training_period import training_period
from dq_pipeline.wire.codec import decode

NAMES = TAKEN
NEWEST = 200
"""Samples that are looked at."""
SHARE = Metric(lambda *_: np.empty((0, 1)), mean, 1, Tolerance(absolute=0.05))
"""A share that may be by so much more than in training: rows, or samples, out of order."""
LEAST = 20

Floats = NDArray[np.float64]


def look(world: World, serving: Serving, seen: Window, *, whole: bool) -> list[ContractResult]:
    """What was found, as results of contracts that nobody has to state."""
    if not len(seen.rows):
        return []
    index = np.arange(len(seen.rows)) if whole else np.arange(len(seen.rows))[-NEWEST:]
    period = training_period(world, serving)
    return [*_times(serving, seen, index, period), *_dictionary(world, serving, seen, index, period)]


def _times(serving: Serving, seen: Window, index: NDArray[np.int64], period: Period | None) -> list[ContractResult]:
    """Rows and samples out of order, and each source's clock."""
    observed, came = seen.observed, _arrivals(seen)
    usual = np.zeros((0, 1)) if period is None else period.disordered[:, None]
    length_s = serving.process.sample.length_s
    late = times.overtaken(observed.source, observed.start, came, length_s)
    found = [
        _share(serving, seen, index, "rows out of order", seen.disordered, usual),
        _share(serving, seen, index, "samples out of order", late, np.zeros((0, 1))),
    ]
    speed = times.pace(observed.start[index], came[index])
    if not times.REAL_TIME[0] <= speed <= times.REAL_TIME[1]:
        why = "no arrival is known" if np.isnan(speed) else f"{speed:.3g} s of recordings come in a second: a replay"
        return [*found, _result(serving, seen, index, "timestamps", "clocks", "not_enough_data", {"why": why})]
    limit_s = max(60.0, length_s)
    earlier = np.setdiff1d(np.arange(len(seen.rows)), index)
    before = times.clocks(observed.source[earlier], observed.start[earlier], came[earlier], length_s, {}, limit_s)
    known = {one.source: one.delay_s for one in before}
    clocks = times.clocks(observed.source[index], observed.start[index], came[index], length_s, known, limit_s)
    for one in clocks:
        detail = {"why": one.why, "off_s": one.off}
        verdict = "breach" if one.off else "hold"
        figures = {"value": one.delay_s, "expected": one.usual_s, "samples": one.samples}
        found.append(_result(serving, seen, index, "timestamps", f"source={one.source}", verdict, detail, **figures))
    return found


def _dictionary(
    world: World, serving: Serving, seen: Window, index: NDArray[np.int64], period: Period | None
) -> list[ContractResult]:
    """Columns, units and words, against the training period, and units against the oldest messages of the window."""
    sensors = serving.process.sensor_names
    entries = dictionary.columns(seen.observed.missing[index], None if period is None else period.missing, sensors)
    if period is not None:
        entries += dictionary.words((seen.observed.metadata[i] for i in index.tolist()), period.metadata)
    newest, oldest = (_sent(world, serving, seen.rows[i].batch_id) for i in (-1, 0))
    if newest is not None:
        entries += dictionary.unknown(newest[0])
        entries += [] if oldest is None else dictionary.units(newest[1], oldest[1])
    if not entries:
        why = "columns, units and metadata are those that were learned from"
        return [_result(serving, seen, index, "dictionary", "", "hold", {"why": why})]
    return [
        _result(serving, seen, index, "dictionary", one.name, one.verdict, {"why": one.why}, samples=one.samples)
        for one in entries
    ]


def _sent(world: World, serving: Serving, batch_id: str) -> tuple[Counter[str], dict[str, Counter[str]]] | None:
    """Unknown columns by how many messages of a micro-batch had them, and the units that each sensor was sent in."""
    process = serving.process
    uri = world.ledger.raw_uris(process.name, [batch_id]).get(batch_id)
    if uri is None or not world.lake.exists(uri):
        return None
    unknown: Counter[str] = Counter()
    units = {name: Counter[str]() for name in process.measured}
    for message in landing.from_bytes(world.lake.get(uri)):
        try:
            read = decode(message.value, message.headers, process, None, message.key)
        except SampleError:
            continue  # quarantined, and counted there
        unknown.update(read.unknown)
        given = {process.aliases.get(name, name): unit for name, unit in read.recording.units.items()}
        for name, counted in units.items():
            counted[given.get(name, process.sensors[name].unit)] += 1
    return unknown, units


def _share(
    serving: Serving, seen: Window, index: NDArray[np.int64], name: str, shares: Floats, usual: Floats
) -> ContractResult:
    usual = usual[np.isfinite(usual).all(axis=1)]
    expected = Expectation(float(usual.mean()) if len(usual) else 0.0, usual if len(usual) else None)
    rng = rng_of(f"{name}/{serving.version}/{seen.observed.number[index[-1]]}")
    one = judge(SHARE, shares[index][:, None], expected, SHARE.tolerance, rng, least=needed(LEAST, len(index)))
    figures: dict[str, Any] = {
        field: getattr(one, field)
        for field in ("samples", "value", "lower", "upper", "expected", "expected_lower", "expected_upper")
    }
    return _result(serving, seen, index, "timestamps", name, one.verdict, {"why": one.why}, **figures)


def _result(
    serving: Serving,
    seen: Window,
    index: NDArray[np.int64],
    contract: str,
    slice_: str,
    verdict: Any,
    detail: dict[str, Any],
    **figures: Any,
) -> ContractResult:
    nothing = dict.fromkeys(("value", "lower", "upper", "expected", "expected_lower", "expected_upper"))
    number = seen.observed.number
    return ContractResult(
        contract=contract,
        version=0,
        slice=slice_,
        release=serving.version,
        first=int(number[index[0]]),
        stop=int(number[index[-1]]) + 1,
        verdict=verdict,
        detail=detail,
        **{"samples": len(index), **nothing, **figures},
    )


def _arrivals(seen: Window) -> Floats:
    """When the completed recordings came, seconds since 1970 by the broker's clock; NaN where it gave none."""
    return np.array([np.nan if r.whole_at is None else r.whole_at.timestamp() for r in seen.rows], dtype=np.float64)
