"""Every cause is named first where it is plain, and nothing is named where nothing happened."""

from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.records import Cause
from dq_pipeline.triage.rank import rank


def named(found):
    assert found.first is not None, (found.waiting, found.decided_by, found.slices)
    assert sum(one.confidence for one in found.hypotheses) <= 1.0 + 1e-9
    assert found.decided_by
    assert found.slices
    return found.first.cause, found.first.subject


@pytest.mark.parametrize("seed", range(6))
def test_names_nothing_where_nothing_happened(case, seed):
    found = rank(case(seed=seed))
    assert found.first is None
    assert found.decided_by == "nothing changed"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gain", [14.5037738, 0.1])
def test_a_unit_is_a_calibration_of_that_sensor(case, seed, gain):
    def change(now):
        now["values"][:, :, 0] *= gain

    found = rank(case(change, seed))
    assert named(found) == (Cause.CALIBRATION, "a")
    assert found.first.figures["gain"] == pytest.approx(gain)
    assert any(row["tried"] == "corrected sensors" and row["found"] == "as before" for row in found.slices)


def test_an_offset_is_a_calibration_where_the_others_contradict_it(case):
    def change(now):
        now["values"][:, :, 2] += 3.0

    assert named(rank(case(change))) == (Cause.CALIBRATION, "c")


def test_a_bias_that_nothing_contradicts_is_undetermined_and_keeps_both_causes(case):
    def change(now):
        now["values"][:, :, 5] += 4.0

    found = rank(case(change))
    assert named(found) == (Cause.UNDETERMINED, "f")
    assert {Cause.CALIBRATION, Cause.PROCESS_DRIFT} <= {one.cause for one in found.hypotheses}
    assert "trusted" in found.first.why


def test_a_sensor_that_repeats_itself_is_dead(case):
    def change(now):
        now["values"][:, :, 3] = 24.0

    assert named(rank(case(change))) == (Cause.DEAD_SENSOR, "d")


def test_a_sensor_that_reads_nothing_is_dead(case):
    def change(now):
        now["values"][:, :, 1] = np.nan

    assert named(rank(case(change))) == (Cause.DEAD_SENSOR, "b")


def test_rows_lost_in_all_sensors_are_late_data(case):
    def change(now):
        now["values"][now["rng"].random(now["values"].shape[:2]) < 0.2] = np.nan

    assert named(rank(case(change))) == (Cause.LATE_DATA, "")


@pytest.mark.parametrize(("name", "value"), [("late", 60.0), ("disordered", 0.3)])
def test_what_comes_late_with_right_values_is_late_data(case, name, value):
    def change(now):
        now[name][:] = value

    assert named(rank(case(change))) == (Cause.LATE_DATA, "")


def test_samples_that_did_not_come_are_late_data(case):
    assert named(rank(case(missing={"did not come": 12}))) == (Cause.LATE_DATA, "")
    assert rank(case(missing={"did not come": 1})).first is None


def together(now):
    way = np.array([1.0, 0.8, 0.1, -0.7, 0.5, 1.0])
    now["values"] += 3.0 * way
    now["target"] += 3.0
    now["value"] += 3.0


def test_sensors_that_move_together_are_the_process(case):
    assert named(rank(case(together))) == (Cause.PROCESS_DRIFT, "")


def test_a_message_that_was_refused_moves_no_sensor(case):
    verdict = rank(case(together, missing={"unreadable": 4}))
    assert named(verdict) == (Cause.PROCESS_DRIFT, "")
    assert Cause.LATE_DATA in {one.cause for one in verdict.hypotheses}


def test_the_same_with_another_recipe_is_a_mode(case):
    def change(now):
        together(now)
        now["metadata"] = [{"recipe": "new"} for _ in now["metadata"]]

    found = rank(case(change))
    assert named(found) == (Cause.OPERATING_MODE, "")
    assert found.first.figures["key"] == "recipe"


def test_the_same_where_the_plant_has_been_before_is_a_mode(case):
    levels = case(together, seed=7).since.values[20:].mean(axis=1)
    assert named(rank(case(together, regimes={"5": levels}))) == (Cause.OPERATING_MODE, "")


@pytest.mark.parametrize("seed", range(3))
def test_an_error_that_a_refit_would_mend_is_the_concept(case, seed):
    def change(now):
        now["target"] += 0.5

    assert named(rank(case(change, seed))) == (Cause.CONCEPT_DRIFT, "")


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_other_samples_are_label_trouble(case, seed):
    def change(now):
        now["target"] = np.roll(now["target"], 7)

    assert named(rank(case(change, seed))) == (Cause.LABELS, "")


def test_a_few_wild_labels_are_label_trouble(case):
    def change(now):
        now["target"][::5] += 1.5

    assert named(rank(case(change, n=40))) == (Cause.LABELS, "")


def test_labels_that_do_not_come_are_label_trouble(case):
    def change(now):
        now["target"][:] = np.nan

    assert named(rank(case(change))) == (Cause.LABELS, "")


def test_an_error_that_came_with_a_release_and_spares_another_is_a_regression(case):
    def change(now):
        now["shadow"]["1"] = now["value"].copy()
        now["value"] = now["value"] + 0.5
        now["release"] = ["3"] * len(now["release"])

    told = [{"kind": "promote", "sample": 220, "version": "3", "detail": "3: drift"}]
    assert named(rank(case(change, changes=told))) == (Cause.MODEL_REGRESSION, "3")


def test_an_error_that_both_releases_make_is_no_regression(case):
    def change(now):
        now["target"] += 0.5

    told = [{"kind": "promote", "sample": 218, "version": "2", "detail": "2: drift"}]
    assert named(rank(case(change, changes=told))) == (Cause.CONCEPT_DRIFT, "")


def test_parity_decides_without_samples_and_names_the_step(case):
    found = rank(case(n=2, parity={"2": ("features", "prediction")}))
    assert named(found) == (Cause.MODEL_REGRESSION, "2")
    assert found.first.figures["first"] == "features"


def test_waits_for_samples(case):
    assert rank(case(n=4)).waiting
    assert rank(case(n=4)).first is None
