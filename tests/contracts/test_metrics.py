"""Each metric on samples that can be counted by hand, and the slices of a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dq_pipeline.contracts.metrics import METRICS, figure
from dq_pipeline.contracts.observed import Observed, slices
from dq_pipeline.sections.contract import Slice

SENSORS = ("a", "b")


def observed(n: int = 4, **given: Any) -> Observed:
    def reals(value: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=float), (n,)).copy()

    usual: dict[str, Any] = {
        "number": np.arange(n),
        "start": np.datetime64("2026-01-01T23:30", "us") + np.arange(n) * np.timedelta64(60, "s"),
        "source": np.array(["rig"] * n, dtype=object),
        "metadata": ({},) * n,
        "missing": np.zeros((n, 2)),
    }
    names = ("value", "lower", "upper", "truth", "expected_error", "unified", "alarm", "latency_s")
    usual |= {name: reals(given.pop(name, 1.0)) for name in names}
    return Observed(**{**usual, **given})


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("mae", {"value": [1, 2, 3, 4], "truth": [1, 1, 5, np.nan]}, 1.0),
        ("bias", {"value": [1, 2, 3, 4], "truth": [1, 1, 5, np.nan]}, -1 / 3),
        ("coverage", {"lower": [0, 0, 0, np.nan], "upper": 2, "truth": [1, 3, 2, 1]}, 2 / 3),
        ("calibration", {"value": [2, 3, 2, 2], "truth": 1, "expected_error": [1, 1, 0.5, np.nan]}, 1.6),
        ("lift", {"value": [0, 1, 1, 0], "truth": [0, 1, 0, 0]}, 0.0),
        ("score", {"unified": [0.1, 0.5, 0.9, np.nan]}, 0.5),
        ("null_rate", {"missing": np.array([[0, 1], [0, 0], [0, 0], [np.nan, np.nan]])}, 1 / 6),
        ("alarm_rate", {"alarm": [1, 0, 0, np.nan]}, 1 / 3),
    ],
)
def test_a_metric_by_hand(name: str, given: dict[str, Any], expected: float) -> None:
    metric = METRICS[name]
    parts = metric.parts(observed(**given), (), SENSORS)
    assert figure(metric, parts, metric.quantile or 0.5) == pytest.approx(expected)


def test_latency_is_a_high_quantile() -> None:
    metric = METRICS["decision_latency"]
    parts = metric.parts(observed(101, latency_s=np.arange(101)), (), SENSORS)
    assert metric.quantile is not None
    assert figure(metric, parts, metric.quantile) == pytest.approx(95.0)


@pytest.mark.parametrize("name", METRICS)
def test_draws_are_measured_as_samples_are(name: str) -> None:
    metric, rng = METRICS[name], np.random.default_rng(0)
    reals = {n: rng.random(30) for n in ("value", "lower", "expected_error", "unified", "latency_s")}
    window = observed(30, **reals, truth=rng.integers(0, 2, 30), missing=rng.random((30, 2)))
    parts = metric.parts(window, (), SENSORS)
    drawn = rng.integers(30, size=(5, 30))
    together = metric.figure(parts[drawn], 0.5)
    assert together.shape == (5,)
    assert together.tolist() == pytest.approx([float(metric.figure(parts[one], 0.5)) for one in drawn])


def test_nothing_known_gives_no_figure() -> None:
    metric = METRICS["mae"]
    assert figure(metric, metric.parts(observed(truth=np.nan), (), SENSORS)) is None


def chosen(window: Observed, **wanted: Any) -> dict[str, list[int]]:
    found = slices(window, Slice(**wanted), SENSORS, "Europe/Vienna")
    return {name: np.flatnonzero(mask).tolist() for name, mask in found.items()}


def test_without_a_slice_there_is_one_of_all() -> None:
    assert chosen(observed()) == {"": [0, 1, 2, 3]}


def test_each_value_of_a_key_is_a_slice() -> None:
    window = observed(metadata=({"shift": "night"}, {"shift": "day"}, {}, {"shift": "night"}))
    assert chosen(window, by="shift") == {"shift=day": [1], "shift=night": [0, 3]}
    assert chosen(window, by="source") == {"source=rig": [0, 1, 2, 3]}


def test_a_key_with_a_value_for_each_sample_makes_no_thousand_slices() -> None:
    window = observed(100, metadata=tuple({"id": str(i)} for i in range(100)))
    assert len(chosen(window, by="id")) == 20


def test_seasons_are_in_the_zone_of_the_process() -> None:
    assert chosen(observed(), season="hour") == {"hour=00": [0, 1, 2, 3]}
    assert chosen(observed(), season="weekday") == {"weekday=Fri": [0, 1, 2, 3]}
    assert chosen(observed(), season="month") == {"month=01": [0, 1, 2, 3]}


def test_missing_values_and_groups_of_sensors() -> None:
    window = observed(missing=np.array([[0.0, 0.5], [0.5, 0.0], [0.0, 0.0], [1.0, 0.0]]))
    assert chosen(window, missing_above=0.2) == {"missing>0.2": [0, 1, 3]}
    assert chosen(window, missing_above=0.2, sensors=("b",)) == {"missing>0.2": [0]}


def test_outages_are_gaps_and_silent_sensors() -> None:
    start = np.datetime64("2026-01-01", "us") + np.array([0, 60, 1000, 1060]) * np.timedelta64(1, "s")
    window = observed(start=start, missing=np.array([[0.0, 1.0], [0, 0], [0, 0], [0, 0]]))
    assert chosen(window, outage_s=600) == {"outage>600s": [0, 2]}
    other = observed(start=start, source=np.array(["x", "y", "x", "y"], dtype=object))
    assert chosen(other, outage_s=990) == {"outage>990s": [2, 3]}
