from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.drift.policy import (
    POLICIES,
    ActivePolicy,
    JoinEvent,
    OpenEvent,
    PassivePolicy,
    PolicyState,
    Refit,
    RefitDetector,
    StaticPolicy,
    Window,
    policy_of,
)
from dq_pipeline.errors import DataError
from dq_pipeline.process import Drift

POLICY = ActivePolicy()
SEASONED = PolicyState(errors=(1.0,) * 10)


def test_a_quiet_window_decides_nothing_and_is_remembered():
    state, decisions = POLICY.decide(SEASONED, Window(0, 25, error=1.2))
    assert decisions == ()
    assert state.errors == (*SEASONED.errors, 1.2)


@pytest.mark.parametrize(
    ("error", "refits"),
    [(1.29, ()), (1.3, (Refit("alarm"),)), (2.0, (Refit("alarm"),)), (None, (Refit("targets_late"),))],
)
def test_an_alarm_refits_at_once_when_the_error_rose_or_targets_are_late(error, refits):
    state, decisions = POLICY.decide(SEASONED, Window(500, 525, (520,), error))
    assert decisions == (OpenEvent(520, 510), *refits)
    assert state.reference_from == 510


def test_the_new_reference_never_begins_before_the_alarms_batch():
    assert POLICY.decide(SEASONED, Window(500, 525, (503,), 1.0))[1] == (OpenEvent(503, 500),)


def test_further_alarms_join_until_the_detector_is_fitted_anew():
    state, first = POLICY.decide(SEASONED, Window(500, 525, (512, 524), 1.0))
    assert first == (OpenEvent(512, 502), JoinEvent(524))
    state, second = POLICY.decide(state, Window(525, 601, (600,), 1.0))
    assert second == (JoinEvent(600),)
    state, third = POLICY.decide(state, Window(601, 602, (), 0.99))
    assert third == (RefitDetector(502, 602),)
    assert state.reference_from is None
    assert isinstance(POLICY.decide(state, Window(602, 627, (610,), 1.0))[1][0], OpenEvent)


@pytest.mark.parametrize(("error", "refits"), [(0.99, ()), (1.0, (Refit("settled"),)), (None, (Refit("settled"),))])
def test_when_the_regime_settled_the_model_is_refitted_unless_it_does_well(error, refits):
    state = PolicyState(SEASONED.errors, reference_from=500)
    assert POLICY.decide(state, Window(590, 615, (), error))[1] == (RefitDetector(500, 615), *refits)


@pytest.mark.parametrize(("error", "refits"), [(1.49, ()), (1.5, (Refit("error"),))])
def test_a_large_error_refits_without_any_alarm(error, refits):
    assert POLICY.decide(SEASONED, Window(0, 25, error=error))[1] == refits
    opened = PolicyState(SEASONED.errors, reference_from=0)
    assert POLICY.decide(opened, Window(25, 50, error=error))[1] == refits


def test_a_few_windows_make_no_median():
    young = PolicyState(errors=(0.1,) * 4)
    assert POLICY.decide(young, Window(0, 25, error=9.0))[1] == ()
    assert POLICY.decide(young, Window(0, 25, (20,), 9.0))[1] == (OpenEvent(20, 10), Refit("alarm"))


def test_the_median_is_taken_over_the_last_windows_only():
    state = PolicyState(errors=(100.0,) * 40)
    for k in range(40):
        state, _ = POLICY.decide(state, Window(25 * k, 25 * k + 25, error=1.0))
    assert state.errors == (1.0,) * 40
    assert POLICY.decide(state, Window(0, 25, error=1.5))[1] == (Refit("error"),)


def test_a_model_without_any_error_is_left_alone_until_it_errs():
    perfect = PolicyState(errors=(0.0,) * 10)
    assert POLICY.decide(perfect, Window(0, 25, error=0.0))[1] == ()
    assert POLICY.decide(perfect, Window(0, 25, error=0.1))[1] == (Refit("error"),)


windows = st.lists(
    st.tuples(st.integers(1, 150), st.lists(st.integers(0, 149), max_size=4), st.none() | st.floats(0.0, 1e6)),
    max_size=30,
)


@given(steps=windows)
def test_events_open_join_and_close_in_order_and_states_survive_json(steps):
    state, first, opened = PolicyState(), 0, False
    for size, offsets, error in steps:
        alarms = tuple(sorted({first + offset for offset in offsets if offset < size}))
        state, decisions = POLICY.decide(state, Window(first, first + size, alarms, error))
        assert PolicyState.from_json(json.loads(json.dumps(state.to_json()))) == state
        assert sum(isinstance(d, Refit) for d in decisions) <= 1
        assert sum(isinstance(d, OpenEvent | JoinEvent) for d in decisions) == len(alarms)
        for decision in decisions:
            if isinstance(decision, OpenEvent):
                assert not opened
                assert first <= decision.reference_from <= decision.alarm
                opened = True
            elif isinstance(decision, JoinEvent):
                assert opened
            elif isinstance(decision, RefitDetector):
                assert opened
                assert decision.until - decision.first >= POLICY.settle_samples
                opened = False
        assert opened == (state.reference_from is not None)
        first += size


def test_the_static_policy_never_adapts():
    state = PolicyState()
    for k in range(40):
        state, decisions = StaticPolicy().decide(state, Window(25 * k, 25 * k + 25, (25 * k + 3,), error=10.0**k))
        assert not any(isinstance(d, Refit | RefitDetector) for d in decisions)


@pytest.mark.parametrize("size", [1, 25, 40, 120])
def test_the_passive_policy_refits_on_schedule_however_the_stream_is_cut(size):
    state, refits = PolicyState(), []
    for first in range(0, 1200, size):
        state, decisions = PassivePolicy(every=50).decide(state, Window(first, first + size, error=0.0))
        refits += [first + size for d in decisions if isinstance(d, Refit)]
    due = [-(-number // size) * size for number in range(50, 1201, 50)]
    assert refits == sorted(set(due))


def test_under_the_passive_policy_an_alarm_renews_the_reference_alone():
    policy, decided = PassivePolicy(every=1000), []
    state = PolicyState()
    for first in range(500, 700, 25):
        alarms = (520,) if first == 500 else ()
        state, decisions = policy.decide(state, Window(first, first + 25, alarms, error=99.0))
        decided += decisions
    assert decided == [OpenEvent(520, 510), RefitDetector(510, 625)]


@pytest.mark.parametrize("name", POLICIES)
@given(steps=windows)
def test_every_policy_answers_each_alarm_and_asks_for_one_thing_at_a_time(name, steps):
    policy, state, first = policy_of(Drift(policy=name)), PolicyState(), 0
    for size, offsets, error in steps:
        alarms = tuple(sorted({first + offset for offset in offsets if offset < size}))
        window = Window(first, first + size, alarms, error)
        after, decisions = policy.decide(state, window)
        assert (after, decisions) == policy.decide(state, window)
        assert PolicyState.from_json(json.loads(json.dumps(after.to_json()))) == after
        assert sum(isinstance(d, Refit) for d in decisions) <= 1
        assert sum(isinstance(d, RefitDetector) for d in decisions) <= 1
        assert [d.alarm for d in decisions if isinstance(d, OpenEvent | JoinEvent)] == list(alarms)
        state, first = after, first + size


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"errors": [], "reference_from": 1},
        {"errors": None, "reference_from": 1, "scheduled_from": None},
        {"errors": ["x"], "reference_from": None, "scheduled_from": None},
    ],
)
def test_states_that_are_none_are_refused(broken):
    with pytest.raises(DataError, match="state of a policy"):
        PolicyState.from_json(broken)


def test_a_process_file_names_its_policy_and_the_active_one_is_the_default():
    assert policy_of(Drift()) == POLICY
    assert policy_of(Drift(policy="passive", passive_every=30, lead_in=5)) == PassivePolicy(30, lead_samples=5)
    assert policy_of(Drift(policy="static")) == StaticPolicy()
    assert set(POLICIES) == set(get_args(Drift.model_fields["policy"].annotation))
