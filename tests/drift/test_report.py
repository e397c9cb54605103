from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from dq_pipeline.drift.categories import category_drift
from dq_pipeline.drift.divergences import DIVERGENCES
from dq_pipeline.drift.report import report
from dq_pipeline.errors import DataError
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.samples import SampleBatch

NAMES = ("a", "b", "c")


def batch_of(values):
    n, rows, f = values.shape
    return SampleBatch(
        sensors=NAMES[:f],
        ids=tuple(f"{i:04d}" for i in range(n)),
        sources=("test",) * n,
        start=np.datetime64("2026-01-01T00:00:00", "us") + np.arange(n) * np.timedelta64(60, "s"),
        values=values,
        received=np.full(n, rows),
        disordered=np.zeros(n, np.int64),
        target=np.full(n, np.nan),
    )


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(8)
    values = rng.normal(size=(260, 40, 3)) + 0.4 * rng.normal(size=(260, 1, 3))
    values[200:, :, 1] += 0.8
    values[230:, ::2, 2] = np.nan
    process = Process.model_validate(
        {
            "process": "test",
            "title": "Test",
            "stream": {"topic": "t", "labels_topic": "l"},
            "sample": {"rows": 40, "period_s": 1, "horizon_rows": 40, "profile_rows": 40},
            "sensors": {name: {"unit": "bar", "range": [-9, 9]} for name in NAMES},
            "target": {"name": "y", "from": "labels"},
            "history": {},
        }
    )
    bins = Reference.fit(batch_of(values[:200]), process)
    return profile(batch_of(values[:200]), bins), profile(batch_of(values[200:]), bins), bins, process, values


def test_the_drifted_sensors_lead_and_the_steady_one_does_not(sides):
    reference, current, *_ = sides
    found = report(reference, current, sensors=NAMES, rng=np.random.default_rng(0))
    assert (found.reference_samples, found.samples) == (200, 60)
    assert {row.sensor for row in found.ranked()[:2]} == {"b", "c"}
    by_name = {row.sensor: row for row in found.sensors}
    assert by_name["b"].p["moments"] < 0.01 < by_name["a"].p["moments"]
    assert by_name["b"].z["mean"] > 5
    assert by_name["c"].p["jsd"] < 0.01
    assert found.p["combined"] < 0.01
    assert set(by_name["a"].divergences) == set(DIVERGENCES)
    assert found.largest["jsd"] == max(row.divergences["jsd"] for row in found.sensors)
    assert json.loads(json.dumps(found.as_dict()))["sensors"][1]["sensor"] == "b"


def test_samples_like_the_reference_are_not_remarkable(sides):
    reference, *_ = sides
    found = report(
        reference.take(slice(0, 170)), reference.take(slice(170, 200)), sensors=NAMES, rng=np.random.default_rng(0)
    )
    assert found.p["combined"] > 0.02


def test_a_sum_serves_without_p_values(sides):
    reference, current, *_ = sides
    whole = report(reference, current, sensors=NAMES, rng=np.random.default_rng(0))
    summed = report(reference.total(), current.total(), sensors=NAMES, rng=np.random.default_rng(0))
    assert (summed.reference_samples, summed.samples) == (200, 60)
    assert summed.p == {} == summed.sensors[0].p == summed.sensors[0].z
    for a, b in zip(whole.sensors, summed.sensors, strict=True):
        assert a.divergences == pytest.approx(b.divergences)


def test_categories_are_chi_squared():
    usual, now = ["a"] * 50 + ["b"] * 30 + ["c"] * 20, ["a"] * 5 + ["b"] * 15 + ["d"] * 5
    found = category_drift("recipe", usual, now)
    table = [[50, 30, 20, 0], [5, 15, 0, 5]]
    statistic, p, degrees, _ = stats.chi2_contingency(table, correction=False)
    assert (found.statistic, found.p, found.degrees) == (pytest.approx(statistic), pytest.approx(p), degrees)
    assert found.new == ("d",)
    assert category_drift("recipe", ["a"] * 3, ["a"]).p == 1.0
    assert category_drift("recipe", ["a"] * 3, []).p == 1.0


def test_refusals(sides):
    reference, current, _, process, values = sides
    other = profile(batch_of(values[200:]), Reference.fit(batch_of(values[:100]), process))
    with pytest.raises(DataError, match="profile both against one"):
        report(reference, other, sensors=NAMES)
    with pytest.raises(DataError, match="Expected 3 sensors, found a, b"):
        report(reference, current, sensors=NAMES[:2])
    with pytest.raises(DataError, match="found 200 and 0"):
        report(reference, current.take(slice(0, 0)), sensors=NAMES)
