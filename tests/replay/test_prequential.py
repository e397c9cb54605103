from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from dq_pipeline.drift.policy import ActivePolicy, PassivePolicy, RefitDetector, StaticPolicy
from dq_pipeline.errors import DataError
from dq_pipeline.replay.baselines import ErrorPolicy, PeriodicPolicy
from dq_pipeline.replay.prequential import Plan, replay

PLAN = Plan(history=100)
ACTIVE = ActivePolicy(settle_samples=40)


def _mae(run, first=0):
    return np.abs(run.truth - run.predicted)[first:].mean()


def test_the_future_never_reaches_a_prediction(small, regimes):
    whole = regimes("AAA")
    spoilt = whole.values.copy()
    spoilt[150:] += 50.0
    told = whole.target.copy()
    told[150:] = -99.0
    run, other = (replay(batch, small, ACTIVE, PLAN) for batch in (whole, replace(whole, values=spoilt, target=told)))
    np.testing.assert_array_equal(run.predicted[:50], other.predicted[:50])
    np.testing.assert_array_equal(run.statistic[:50], other.statistic[:50])
    assert 150 <= min(other.alarms) < 175


def test_the_same_seed_gives_the_same_run(small, regimes):
    batch = regimes("AB")
    one, two = (replay(batch, small, ACTIVE, PLAN) for _ in range(2))
    np.testing.assert_array_equal(one.predicted, two.predicted)
    assert [(a.at, a.kind, a.why) for a in one.adaptations] == [(a.at, a.kind, a.why) for a in two.adaptations]


def test_the_active_policy_learns_a_change_that_the_static_one_suffers(small, regimes):
    batch = regimes("AABB", each=60)
    active, static = (replay(batch, small, policy, PLAN) for policy in (ACTIVE, StaticPolicy()))
    assert 120 <= active.alarms[0] < 125
    assert active.sensors[0] in small.sensor_names
    assert active.of_kind("refit")
    assert next(a.why for a in active.of_kind("reference")).startswith("samples 1")
    assert not static.adaptations
    assert _mae(active, 75) < 0.5 * _mae(static, 75)


@dataclass(frozen=True)
class Scripted:
    """Decides what it was told to, whatever it is shown."""

    script: dict[int, Any]

    def decide(self, state, window):
        return state, self.script.get(window.until, ())


def test_a_short_reference_is_uncalibrated_and_is_fitted_anew_when_enough_has_come(small, regimes):
    run = replay(regimes("AAAAAA"), small, Scripted({150: (RefitDetector(110, 150),)}), PLAN)
    assert [a.why for a in run.of_kind("reference")] == ["samples 110 to 149", "samples 110 to 324"]
    assert not run.calibrated[:225].any()
    assert run.calibrated[225:].all()


def test_a_new_regime_takes_the_place_of_a_reference_that_would_have_been_fitted_anew(small, regimes):
    script = {150: (RefitDetector(110, 150),), 325: (RefitDetector(280, 325),)}
    run = replay(regimes("AAAAAA"), small, Scripted(script), PLAN)
    assert [a.why for a in run.of_kind("reference")] == ["samples 110 to 149", "samples 280 to 324"]


def test_policies_are_counted_for_what_they_did(small, regimes):
    batch = regimes("AAA")
    assert [a.at for a in replay(batch, small, PassivePolicy(50), PLAN).of_kind("refit")] == [150]
    assert [a.at for a in replay(batch, small, PeriodicPolicy(100, 180, 1), PLAN).of_kind("refit")] == [150]
    run = replay(batch, small, ErrorPolicy(1e9), PLAN)
    assert run.of_kind("refit") == ()
    assert len(run.elapsed) == 4
    assert (np.diff(run.elapsed) > 0).all()


def test_with_late_targets_an_alarm_alone_decides(small, regimes):
    run = replay(regimes("AAB"), small, ACTIVE, replace(PLAN, late=25))
    assert next(a.why for a in run.of_kind("refit")) == "targets_late"
    assert not replay(regimes("AAB"), small, ErrorPolicy(1.1), replace(PLAN, late=25)).adaptations


@pytest.mark.parametrize("history", [0, 120, 500])
def test_a_history_that_leaves_nothing_is_refused(small, regimes, history):
    with pytest.raises(DataError, match="history of fewer than the 120 samples"):
        replay(regimes("AA"), small, ACTIVE, Plan(history))
