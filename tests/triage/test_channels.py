"""An exchanged channel, a neighbour's noise and what no conversion explains are not taken for what they look like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline.records import Cause
from dq_pipeline.triage.inputs import look
from dq_pipeline.triage.rank import rank


def test_exchanged_channels_of_which_one_repeats_itself_are_no_stuck_one(case):
    made = case(n=40)
    coarse = replace(made.before, values=made.before.values.copy())
    after = made.since.part(slice(20, None))
    now = replace(after, values=after.values.copy())
    for one in (coarse, now):  # b reads in steps so coarse that it repeats itself
        one.values[:, :, 1] = np.round(one.values[:, :, 1])
    now.values[:, :, [0, 1]] = now.values[:, :, [1, 0]]
    found = look(made.process, coarse, now, {}).findings
    assert {(one.sensor, one.fault, one.other) for one in found} == {("a", "swapped", "b"), ("b", "swapped", "a")}


def test_a_unit_comes_before_noise_elsewhere(case):
    def change(now):
        now["values"][:, :, 0] *= 14.5037738
        now["values"][:, :, 4] += 2.0 * now["rng"].normal(size=now["values"].shape[:2])

    found = rank(case(change))
    assert found.first is not None
    assert (found.first.cause, found.first.subject) == (Cause.CALIBRATION, "a")
    assert Cause.DEAD_SENSOR in {one.cause for one in found.hypotheses}


def test_what_left_the_others_alone_is_misread_though_nothing_says_how(case):
    def change(now):
        now["values"][:, :, 2] += now["rng"].uniform(4.0, 20.0, len(now["values"]))[:, None]

    found = rank(case(change))
    assert found.first is not None
    assert (found.first.cause, found.first.subject, found.decided_by) == (Cause.CALIBRATION, "c", "contradicted")


@pytest.mark.parametrize("n", [12, 20])
def test_what_is_faint_waits_for_all_samples_that_are_looked_at(case, n):
    def change(now):
        now["values"][:, :, 5] += 1.6

    early, later = rank(case(change, seed=3, n=n)), rank(case(change, seed=3, n=40))
    assert early.first is None
    assert early.waiting.startswith("30 samples")
    assert later.first is not None
    assert (later.first.cause, later.first.subject) == (Cause.UNDETERMINED, "f")


def test_a_bias_is_as_strong_as_its_own_level_goes_though_a_relation_hardly_does(case):
    def change(now):
        now["values"][:, :, 5] += 2.5

    found = rank(case(change, seed=3, n=12))
    assert found.first is not None
    assert (found.first.cause, found.first.subject) == (Cause.UNDETERMINED, "f")


def test_a_bias_is_none_where_others_left_each_other_too_however_far_it_goes(case):
    def change(now):
        grown = np.linspace(0.2, 1.0, len(now["values"]))[:, None]
        now["values"][:, :, 5] += 6.0  # nothing says where f should be
        now["values"][:, :, 0] += 0.6 * grown  # no further than they usually go, but against each other
        now["values"][:, :, 2] -= 0.6 * grown
        now["values"][:, :, 4] += 0.6 * grown

    found = rank(case(change, n=40))
    assert found.first is not None
    assert found.first.cause is Cause.PROCESS_DRIFT
