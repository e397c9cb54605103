from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.drift.policy import ActivePolicy
from dq_pipeline.replay.prequential import Plan, replay

PLAN = Plan(history=140)
ACTIVE = ActivePolicy(settle_samples=60)


def _with(process, regimes):
    return process.model_copy(update={"drift": process.drift.model_copy(update={"regimes": regimes})})


@pytest.fixture
def there_and_back(regimes):
    return regimes("ABA", each=160)


def test_a_regime_that_comes_back_is_recognised_and_its_model_reinstated(small, there_and_back):
    run = replay(there_and_back, _with(small, 5), ACTIVE, PLAN)
    back = run.of_kind("reinstate")
    assert len(back) == 1
    assert back[0].at <= min(alarm for alarm in run.alarms if alarm >= 320) + 2 * PLAN.step
    assert "sample 0 is back" in back[0].why
    assert not [a for a in run.of_kind("refit") if a.at > back[0].at]
    without = replay(there_and_back, small, ACTIVE, PLAN)
    assert not without.of_kind("reinstate")
    wrong, wrong_without = (np.abs(r.truth - r.predicted)[back[0].at - run.first :].mean() for r in (run, without))
    assert wrong <= wrong_without * 1.05


def test_a_regime_that_was_never_seen_is_not_recognised(small, regimes):
    run = replay(regimes("ABC", each=160), _with(small, 5), ACTIVE, PLAN)
    assert run.of_kind("reference")
    assert not run.of_kind("reinstate")


def test_a_regime_whose_model_would_be_worse_is_not_put_back(small, there_and_back):
    model = small.model.model_copy(update={"trees": 60, "weights": "newest", "age_scale": 60.0})
    process = _with(small.model_copy(update={"model": model}), 5)
    put_back = replay(there_and_back, process, ACTIVE, PLAN)
    at = put_back.of_kind("reinstate")[0].at
    # from here on the truth is what the model in charge says: no other can be better
    there_and_back.target[320:] = np.median(put_back.predicted[at - PLAN.step - PLAN.history : at - PLAN.history])
    run = replay(there_and_back, process, ACTIVE, PLAN)
    assert not [a for a in run.of_kind("reinstate") if a.at <= at]
