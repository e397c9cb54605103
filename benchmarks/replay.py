"""Policies replayed over recorded history, 25 samples at a time, with targets at once; and a regime that comes back.

`active` beside `passive` with the same weights, as many refits at equal distances, the error alone, and the last value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.protocols import available, stream
from dq_pipeline.drift.policy import ActivePolicy, PassivePolicy, Policy, StaticPolicy
from dq_pipeline.process import Process
from dq_pipeline.recording import assemble, place
from dq_pipeline.replay.baselines import ErrorPolicy, PeriodicPolicy
from dq_pipeline.replay.comparison import Row, figures, last_value
from dq_pipeline.replay.prequential import Plan, Run, replay
from dq_pipeline.simulate.vacuum import VacuumDrift, simulate

SHARE_OF_REFITS = 0.4
"""The active policy may refit at most so many times as often as the passive one."""
ERROR_RATIO = {"hydraulic": 1.3, "skab": 1.5}
SEEDS = 3
"""Of the models of the recorded data: one seed's count of refits says little."""
SHORT = 500
THERE, BACK, END = 250, 400, 550
RECOGNISED_WITHIN = 100


def measure(short: bool) -> list[dict[str, Any]]:
    """Rows of hydraulic, skab (where the recorded data are) and a simulated plant that wears and is repaired."""
    rows = []
    for name in ERROR_RATIO:
        if name in available():
            rows += _recorded(name, short)
    return rows + _worn_and_repaired()


def _recorded(name: str, short: bool) -> list[dict[str, Any]]:
    process, batch = stream(name, SHORT if short else None)
    plan = Plan(process.history.samples)

    def run(label: str, policy: Callable[[int], Policy], of: Process = process, seeds: int = 1) -> list[Row]:
        plans = [replace(plan, seed=seed) for seed in range(seeds)]
        return [figures(label, replay(batch, of, policy(seed), one), of) for seed, one in enumerate(plans)]

    seeds = 1 if short else SEEDS
    active = run("active", lambda _: ActivePolicy(), seeds=seeds)
    passive = run("passive 50", lambda _: PassivePolicy(50), seeds=seeds)
    even = [PeriodicPolicy(plan.history, len(batch), one.refits) for one in active]
    periodic = run("as often but evenly", lambda seed: even[seed], seeds=seeds)
    share = _refits(active) / max(_refits(passive), 1.0)
    held = name == "hydraulic" and not short
    rows = [
        *_rows(name, active, rival=passive, held=held),
        _figure(f"{name} refits, share of passive 50", share, "", SHARE_OF_REFITS if held else None),
        *_rows(name, passive),
        *_rows(name, periodic),
        _figure(f"{name} MAE, share of as often but evenly", _mae(active) / _mae(periodic), "", 1.0 if held else None),
    ]
    if not short:
        ratio = ERROR_RATIO[name]
        rows += _rows(name, run(f"error x{ratio}", lambda _: ErrorPolicy(ratio), seeds=seeds))
        rows += _rows(name, run("static", lambda _: StaticPolicy()))
        rows += _rows(name, run("active, 20 regimes", lambda _: ActivePolicy(), _with_regimes(process)))
    return [*rows, _figure(f"{name} last value, MAE", last_value(batch, process, plan).metrics["mae"], "")]


def _worn_and_repaired() -> list[dict[str, Any]]:
    """A plant that wears at once, and is repaired: what knowing the regime before is worth after its return."""
    process, _ = stream("vacuum", 1)
    worn = simulate(END, np.random.default_rng(1), drift=VacuumDrift(0, magnitude=2.0))
    well = simulate(END, np.random.default_rng(1))
    chosen = [*well[:THERE], *worn[THERE:BACK], *well[BACK:]]
    batch = assemble([place(one, process, "completion") for one in chosen], process, "completion")
    plan, rows = Plan(THERE - 50), []
    for weights, scale in (("fading", 300.0), ("newest", 100.0)):
        model = process.model.model_copy(update={"weights": weights, "age_scale": scale})
        plain = process.model_copy(update={"model": model})
        name = f"worn and repaired, {weights} {scale:.0f}:"
        without, knowing = (replay(batch, one, ActivePolicy(), plan) for one in (plain, _with_regimes(plain)))
        rows += _rows(name, [figures("active", without, process)])
        rows += _rows(name, [figures("active, 20 regimes", knowing, process)])
        back = [adaptation.at for adaptation in knowing.of_kind("reinstate") if adaptation.at > BACK]
        waited = (back[0] if back else END) - BACK
        rows.append(_figure(f"{name} recognised after", waited, "samples", RECOGNISED_WITHIN))
        error = _figure(f"{name} MAE after the return, 20 regimes", _error_after(knowing, BACK), "")
        rows.append(error | {"against": round(_error_after(without, BACK), 4)})
    return rows


def _with_regimes(process: Process) -> Process:
    return process.model_copy(update={"drift": process.drift.model_copy(update={"regimes": 20})})


def _error_after(run: Run, number: int) -> float:
    return float(np.nanmean(np.abs(run.truth - run.predicted)[number - run.first :]))


def _mae(rows: list[Row]) -> float:
    return median(row.metrics["mae"] for row in rows)


def _refits(rows: list[Row]) -> float:
    return median(row.refits for row in rows)


def _rows(name: str, seeds: list[Row], *, rival: list[Row] | None = None, held: bool = False) -> list[dict[str, Any]]:
    """Medians over the seeds of the models; what each gave, where there are several."""
    first = seeds[0]
    what = f"{name} {first.policy}"
    error = _figure(f"{what}, MAE", _mae(seeds), "", _mae(rival) if rival and held else None)
    rows = [
        error if rival is None else error | {"against": round(_mae(rival), 4)},
        _figure(f"{what}, R2", median(row.metrics["r2"] for row in seeds), ""),
        _figure(f"{what}, refits", _refits(seeds), ""),
        _figure(f"{what}, cumulative", median(row.seconds for row in seeds), "s"),
    ]
    if len(seeds) > 1:
        for seed, row in enumerate(seeds):
            rows.append(_figure(f"{what}, seed {seed}, MAE", row.metrics["mae"], ""))
            rows.append(_figure(f"{what}, seed {seed}, refits", row.refits, ""))
    return rows + ([_figure(f"{what}, reinstated", first.reinstated, "")] if "regimes" in first.policy else [])


def _figure(name: str, value: float, unit: str, bar: float | None = None) -> dict[str, Any]:
    return {
        "name": f"replay/{name}",
        "value": round(value, 4),
        "unit": unit,
        "against": None,
        "bar": None if bar is None else round(bar, 4),
        "holds": None if bar is None else bool(value <= bar),
    }
