"""Cells of the published tables, taken from other cells and from raw recordings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

ROOT = Path(__file__).resolve().parents[2]
RESULTS = json.loads((ROOT / "docs" / "results.json").read_text(encoding="utf-8"))
TABLES: dict[str, list[dict[str, Any]]] = {
    table["name"]: table["rows"] for result in RESULTS for table in result["tables"]
}


def near(value: float, digits: int = 3) -> Any:
    """Cells are rounded, and so are those that a quotient is taken of."""
    return pytest.approx(value, rel=1.5 * 10.0 ** (1 - digits))


def one(name: str, **wanted: Any) -> dict[str, Any]:
    (row,) = (row for row in TABLES[name] if all(row[key] == value for key, value in wanted.items()))
    return row


@pytest.mark.parametrize("name", ["speed/drift", "speed/profile", "speed/wide"])
def test_times_over_ours_are_quotients(name: str) -> None:
    rows = TABLES[name]
    for column in [key for key in rows[0] if key.startswith("over ours")]:
        how = column.removeprefix("over ours").removeprefix(", ")
        ours = next(row["ms"] for row in rows if row["who"].startswith("ours") and how in row["who"])
        told = [row for row in rows if row[column] is not None]
        assert told
        for row in told:
            assert row[column] == near(row["ms"] / ours)


def test_times_as_fast_as_scipy_are_quotients() -> None:
    for row in TABLES["paper/scoring"]:
        slowest = one("paper/scoring", process=row["process"], scorer="direct, SciPy by column")
        assert row["times as fast as SciPy"] == near(slowest["ms a sample"] / row["ms a sample"])


def test_milliseconds_of_a_long_stream_are_quotients() -> None:
    for row in TABLES["cost/stream"]:
        assert row["ms a sample"] == near(1e3 * row["seconds"] / row["samples"])


def test_the_best_threshold_is_that_of_the_least_error() -> None:
    for row in TABLES["thresholds/by_mix"]:
        errors = {float(key.removeprefix("error at ")): row[key] for key in row if key.startswith("error at ")}
        assert errors[row["best"]] == min(errors.values())
        assert row["0.25 over best"] == near(errors[0.25] / min(errors.values()))


def test_optimal_thresholds_are_those_that_none_beats() -> None:
    for row in TABLES["paper/thresholds"]:
        stream = [each for each in TABLES["paper/thresholds"] if each["stream"] == row["stream"]]
        beaten = any(
            (other["excluded"] <= row["excluded"] and other["MAE"] < row["MAE"])
            or (other["excluded"] < row["excluded"] and other["MAE"] <= row["MAE"])
            for other in stream
        )
        assert row["Pareto"] == ("" if beaten else "optimal")


def test_figures_beside_the_published_ones_stand_in_the_other_tables() -> None:
    ours = {row["figure"]: row["ours"] for row in TABLES["paper/published"]}
    active, passive = (one("paper/policies", stream="vacuum", policy=who) for who in ("active 0.06", "passive 50"))
    assert (ours["R2"], ours["MAE"]) == (active["R2"], active["MAE"])
    assert ours["R2, gained over the baseline"] == near(active["R2"] - one("paper/baseline", stream="vacuum")["R2"])
    assert ours["cumulative latency, before and with the framework"] == near(
        passive["cumulative, s"] / active["cumulative, s"]
    )
    for tau in (0.04, 0.08):
        row = one("paper/policies", stream="vacuum", policy=f"active {tau}")
        assert ours[f"adaptations at tau {tau}"] == row["adaptations"]
    for cut in (0.25, 0.9):
        assert (
            ours[f"excluded at threshold {cut}"] == one("paper/thresholds", stream="vacuum", threshold=cut)["excluded"]
        )


def test_thresholds_at_tau_and_policies_at_threshold_tell_of_the_same_run() -> None:
    for row in TABLES["paper/thresholds"]:
        if row["threshold"] == 0.25:
            same = one("paper/policies", stream=row["stream"], policy="active 0.06")
            assert [row[key] for key in ("adaptations", "MAE", "R2")] == [
                same[key] for key in ("adaptations", "MAE", "R2")
            ]


@pytest.mark.skipif(not os.environ.get("DQ_DATA_DIR"), reason="DQ_DATA_DIR is not set")
def test_the_last_value_of_the_hydraulic_rig_is_what_its_recordings_say() -> None:
    table = pq.read_table(Path(os.environ["DQ_DATA_DIR"]) / "hydraulic" / "cycles_1hz.parquet", columns=["CP"])
    power = table["CP"].to_numpy().reshape(-1, 60)[:1300, 40:].mean(axis=1)
    shuffled = power[np.random.default_rng(0).permutation(1300)]
    for stream, truth in (("hydraulic", power), ("hydraulic, no drift", shuffled)):
        row = one("paper/baseline", stream=f"{stream}: last value")
        assert row["MAE"] == pytest.approx(mean_absolute_error(truth[300:], truth[299:-1]), rel=1e-3)
        assert row["R2"] == pytest.approx(r2_score(truth[300:], truth[299:-1]), rel=1e-3)
