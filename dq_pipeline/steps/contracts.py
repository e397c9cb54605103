"""Contracts against production: judged on what the ledger and the lake hold, kept as rows, told as alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.contracts.defaults import in_force
from dq_pipeline.contracts.metrics import METRICS, figure
from dq_pipeline.contracts.observed import slices
from dq_pipeline.contracts.verdict import Judgement, judge, needed
from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import Alert, ContractResult, ContractVersion, runbook
from dq_pipeline.sections.contract import NEEDS_TRUTH, Contract
from dq_pipeline.steps import parity, stream_checks
from dq_pipeline.steps.challenger import rng_of
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.expectations import expectation
from dq_pipeline.steps.observed import Window, observe
from dq_pipeline.steps.releases import release_of
from dq_pipeline.steps.serving import Serving, in_production, load
from dq_pipeline.steps.training_period import training_period

LOOK_BACK = 4
"""Windows that are read, so that truths which come late fill one."""
STREAM_ALONE = frozenset({"null_rate"})
"""Metrics that no release has a part in."""


def reconcile(world: World, process: str, *, window: tuple[int, int] | None = None) -> dict[str, Any]:
    """Judge every contract, and whether the release still gives what it gave; keep it, and raise or clear alerts.

    Parameters
    ----------
    window
        The samples numbered first <= number < stop instead of the newest; nothing is raised or cleared then.

    Returns
    -------
    dict
        `process`, `release`, `results`, `breaches`, `parity` (see :func:`dq_pipeline.steps.parity.compare`), `first`
        and `stop` of the samples that were read, and `why` where no release answers yet.

    Raises
    ------
    StateError
        If the window is none.
    """
    if window is not None and not 0 <= window[0] < window[1]:
        raise StateError(f"{process}: a window of samples, first < stop, expected; found {window[0]} to {window[1]}")
    agreed = sync(world, process, who="process file")
    if world.ledger.production(process) is None:
        return {"process": process, "release": None, "results": [], "breaches": 0, "why": "no release answers yet"}
    serving = in_production(world, process)
    contracts = in_force(world.process(process))
    seen = _window(world, serving, contracts, window)
    versions = {one.name: one.version for one in agreed}
    found = _judged(world, serving, contracts, seen, versions, whole=window is not None)
    found += stream_checks.look(world, serving, seen, whole=window is not None)
    world.ledger.add_contract_results(process, found, utc_now())
    same = parity.compare(world, serving)
    if window is None:
        _tell(world, process, contracts, found)
        parity.tell(world, serving, same)
    return {
        "process": process,
        "release": serving.version,
        "first": int(seen.observed.number[0]) if len(seen.rows) else 0,
        "stop": int(seen.observed.number[-1]) + 1 if len(seen.rows) else 0,
        "results": [asdict(one) for one in found],
        "breaches": sum(one.verdict == "breach" for one in found),
        "parity": same,
        "why": None,
    }


def contracts_hold(world: World, process: str, version: str | None = None) -> list[str]:
    """The contracts that are broken now, in words; nothing is kept and nobody is told.

    Parameters
    ----------
    version
        Of the answers of this release, in whichever role it gave them; None: of the one in Production.
    """
    serving = in_production(world, process) if version is None else load(world, release_of(world, process, version))
    contracts = in_force(world.process(process))
    seen = _window(world, serving, contracts, None, release=version)
    found = _judged(world, serving, contracts, seen, {}, whole=False)
    return [_told(one) for one in found if one.verdict == "breach"]


def sync(world: World, process: str, *, who: str) -> Sequence[ContractVersion]:
    """Write what the process file says today into the ledger, and return the versions in force; no edit, no row."""
    wanted = {name: one.model_dump(mode="json") for name, one in in_force(world.process(process)).items()}
    world.ledger.put_contracts(process, wanted, who=who, now=utc_now())
    newest = {one.name: one for one in world.ledger.contracts(process)}
    return [one for one in newest.values() if one.state == "in_force"]


def contracts(world: World, process: str, *, last: int = 500) -> dict[str, Any]:
    """Every contract with what was found of it last, the versions it had, and edits that are not in the ledger yet."""
    stated = in_force(world.process(process))
    history = world.ledger.contracts(process)
    newest = {one.name: one for one in history}
    results = world.ledger.contract_results(process, last=last)
    latest = {(one.contract, one.slice): one for one in results}
    shown = []
    for name, contract in stated.items():
        definition = contract.model_dump(mode="json")
        agreed = newest.get(name)
        known = agreed is not None and agreed.state == "in_force" and agreed.definition == definition
        rows = [asdict(one) for (of, _), one in latest.items() if of == name]
        version = None if agreed is None else agreed.version
        shown.append({"name": name, "version": version, "pending": not known, **definition, "results": rows})
    others = [asdict(one) for (of, _), one in latest.items() if of in stream_checks.NAMES]
    return {
        "process": process,
        "contracts": shown,
        "stream": others,
        "versions": [asdict(one) for one in history],
        "history": [asdict(one) for one in results],
    }


def _window(
    world: World,
    serving: Serving,
    contracts: Mapping[str, Contract],
    window: tuple[int, int] | None,
    release: str | None = None,
) -> Window:
    stop = world.ledger.sample_count(serving.process.name)
    most = max((one.window for one in contracts.values()), default=200)
    first, stop = (max(stop - LOOK_BACK * most, 0), stop) if window is None else window
    return observe(world, serving, first, stop, release=release)


def _judged(
    world: World,
    serving: Serving,
    contracts: Mapping[str, Contract],
    seen: Window,
    versions: Mapping[str, int],
    *,
    whole: bool,
) -> list[ContractResult]:
    period, found = training_period(world, serving), []
    for name, contract in contracts.items():
        metric, sensors = METRICS[contract.metric], serving.process.sensor_names
        tolerance = contract.tolerance or metric.tolerance
        quantile = contract.quantile or metric.quantile or 0.5
        parts = metric.parts(seen.observed, contract.slice.sensors, sensors)
        chosen = _chosen(contract, parts, seen, serving.version, whole)
        held_to = expectation(world, serving, contract, period)
        inside = slices(seen.observed.take(chosen), contract.slice, sensors, serving.process.sample.timezone)
        for slice_, mask in inside.items():
            index = chosen[mask]
            first, stop = _ends(seen, index if len(index) else chosen)
            key = f"{name}/{slice_}/{serving.version}/{first}/{stop}"
            least = needed(contract.min_samples, len(chosen))
            one = judge(
                metric,
                parts[index],
                held_to,
                tolerance,
                rng_of(key),
                least=least,
                quantile=quantile,
                family=len(inside),
            )
            offline = None
            if contract.metric in NEEDS_TRUTH:
                again = metric.parts(seen.offline, contract.slice.sensors, sensors)
                offline = figure(metric, again[index], quantile)
            detail = {"metric": contract.metric, "offline": offline, "room": one.room, "why": one.why}
            found.append(_row(name, versions.get(name, 0), slice_, serving.version, (first, stop), one, detail))
    return found


def _chosen(
    contract: Contract, parts: NDArray[np.float64], seen: Window, version: str, whole: bool
) -> NDArray[np.int64]:
    """The newest samples that say something of the release: a window of them, or all of what was asked for."""
    usable = np.isfinite(parts).all(axis=1)
    if contract.metric not in STREAM_ALONE:
        usable &= seen.by == version
    index = np.flatnonzero(usable)
    return index if whole else index[-contract.window :]


def _ends(seen: Window, index: NDArray[np.int64]) -> tuple[int, int]:
    if not len(index):
        return 0, 0
    return int(seen.observed.number[index[0]]), int(seen.observed.number[index[-1]]) + 1


def _row(
    name: str, version: int, slice_: str, release: str, ends: tuple[int, int], one: Judgement, detail: dict[str, Any]
) -> ContractResult:
    return ContractResult(
        contract=name,
        version=version,
        slice=slice_,
        release=release,
        first=ends[0],
        stop=ends[1],
        samples=one.samples,
        value=one.value,
        lower=one.lower,
        upper=one.upper,
        expected=one.expected,
        expected_lower=one.expected_lower,
        expected_upper=one.expected_upper,
        verdict=one.verdict,
        detail=detail,
    )


def _tell(world: World, process: str, contracts: Mapping[str, Contract], found: Sequence[ContractResult]) -> None:
    """Raise what is broken, and clear what holds again or is no contract any more."""
    now = utc_now()
    for one in found:
        key = f"contract:{one.contract}:{one.slice}"
        if one.verdict == "breach":
            world.ledger.raise_alert(process, _alert(process, key, contracts.get(one.contract), one), now)
        elif one.verdict == "hold":
            world.ledger.clear_alert(process, key, now)
    known = {*contracts, *stream_checks.NAMES}
    looked_at = {one.contract for one in found} & set(stream_checks.NAMES)
    broken = {f"contract:{one.contract}:{one.slice}" for one in found if one.verdict == "breach"}
    for row in world.ledger.alerts(process, standing=True):
        over = row.alert.subject in looked_at and row.alert.key not in broken
        if row.alert.kind == "contract" and (row.alert.subject not in known or over):
            world.ledger.clear_alert(process, row.alert.key, now)


def _alert(process: str, key: str, contract: Contract | None, one: ContractResult) -> Alert:
    evidence = {
        "slice": one.slice,
        "release": one.release,
        "samples": [one.first, one.stop],
        "value": [one.value, one.lower, one.upper],
        "expected": [one.expected, one.expected_lower, one.expected_upper],
        **one.detail,
        "owner": "" if contract is None else contract.owner,
        "runbook": runbook("contract" if contract is None else contract.runbook),
    }
    severity = "warning" if contract is None else contract.severity
    return Alert("contract", key, severity, f"{process}: {_told(one)}", one.contract, one.first, evidence)


def _told(one: ContractResult) -> str:
    where = f" for {one.slice}" if one.slice else ""
    return f"contract {one.contract} is broken{where}: {one.detail['why']}"
