"""What errors tell: where they part, what mends them, and what another release spares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dq_pipeline.records import Cause
from dq_pipeline.triage.answers import Errors, compare, taken_away
from dq_pipeline.triage.onset import begin_of
from dq_pipeline.triage.rank import rank

ASKED = ({"kind": "error", "subject": "", "sample": 200, "evidence": {}},)


def test_a_release_that_hardly_answered_before_is_compared_with_its_own_first_answers(case):
    def change(now):
        now["target"][40:] += 0.5

    made = case(change, n=80, alerts=ASKED)
    nothing = np.full(len(made.before), np.nan)
    made = replace(made, before=replace(made.before, value=nothing), begin=0)
    assert abs(begin_of(made, errors=True) - 60) <= 3
    found = rank(made)
    assert found.first is not None
    assert found.first.cause is Cause.CONCEPT_DRIFT


@pytest.mark.parametrize("seed", range(4))
def test_first_answers_that_do_not_part_say_nothing(case, seed):
    made = case(seed=seed, n=80, alerts=ASKED)
    made = replace(made, before=replace(made.before, value=np.full(len(made.before), np.nan)), begin=0)
    assert rank(made).first is None


@pytest.mark.parametrize("seed", range(4))
def test_a_refit_does_not_mend_labels_of_other_samples(case, seed):
    made = case(seed=seed, n=60)
    after = made.since.part(slice(20, None))
    hit = np.arange(len(after)) % 5 < 3
    target = after.target.copy()
    target[hit] = np.roll(target[hit], 5)
    assert compare(made.before, replace(after, target=target)).mended < 0.5


def test_a_few_wild_errors_are_chance_where_no_monitor_asked():
    few = Errors(count=45, wild=0.07, wild_before=0.01, wilder=4.5)
    assert not few.moved
    assert replace(few, asked=True).moved
    assert replace(few, count=100).moved


def test_a_release_that_takes_most_of_the_rise_away_is_well_in_a_bad_stretch(case):
    def change(now):
        rough = 0.12 * now["rng"].normal(size=len(now["target"]))
        now["target"] = now["target"] + rough
        now["shadow"]["1"] = now["value"].copy()
        now["value"] = now["value"] + 0.4 * np.sign(now["rng"].normal(size=len(rough)))
        now["release"] = ["3"] * len(now["release"])

    told = [{"kind": "promote", "sample": 220, "version": "3", "detail": "3: drift"}]
    found = rank(case(change, changes=told))
    assert found.first is not None
    assert (found.first.cause, found.first.subject) == (Cause.MODEL_REGRESSION, "3")


@pytest.mark.parametrize(
    ("ratio", "left", "share"), [(3.0, 1.0, 1.0), (3.0, 2.0, 0.5), (3.0, 3.0, 0.0), (2.0, 9.0, -1.0)]
)
def test_the_share_of_a_rise_that_is_gone(ratio, left, share):
    assert taken_away(ratio, left) == pytest.approx(share)
