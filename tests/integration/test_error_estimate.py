"""What error is expected before the truth is known, and how it stands beside the truth once that has come."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from dq_pipeline import steps
from dq_pipeline.recording import Recording
from dq_pipeline.steps import serving

from .conftest import Plant, faulty, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def _told(runs: list[Recording]) -> list[dict[str, Any]]:
    return [{"sample_id": run.sample_id, "value": float(run.target[20:].mean())} for run in runs]


def _silent(runs: list[Recording]) -> list[Recording]:
    return [dataclasses.replace(run, target=None) for run in runs]


def test_an_error_is_expected_until_labels_say_what_it_was(running: Plant) -> None:
    nothing = steps.error_estimate(running.world, running.process)
    assert (nothing["expected"], nothing["blocks"]) == (None, [])
    assert "has not answered yet" in nothing["why"]
    runs = recordings(50, running.rng, first=1000)
    running.publish(_silent(runs))
    running.answer()
    before = steps.error_estimate(running.world, running.process, last=40)
    assert before["why"] is None
    assert (before["n_expected"], before["n_observed"], before["scale"]) == (40, 0, 1.0)
    assert (before["observed"], before["ratio"], before["last_value"]) == (None, None, None)
    assert 0.0 < before["low"] < before["expected"] < before["high"]
    assert len(before["blocks"]) == 2
    answers = running.world.ledger.answers(running.process, [run.sample_id for run in runs])
    assert all(row.expected_error > 0.0 for row in answers.values())

    off = [{**row, "value": row["value"] + 5.0} for row in _told(runs)]
    steps.add_labels(running.world, running.process, off[:45])
    after = steps.error_estimate(running.world, running.process, last=40)
    assert (after["n_expected"], after["n_observed"], after["n_scale"]) == (40, 35, 45)
    assert after["observed"] == pytest.approx(5.0, abs=0.5)
    assert after["scale"] > 3.0
    assert after["expected"] > 3.0 * before["expected"]
    assert after["usual"] == before["usual"]
    assert 1.0 < after["ratio"] < 4.0
    assert [block["expected"] for block in after["blocks"]] == [block["expected"] for block in before["blocks"]], (
        "a block is shown with what was known when it was answered"
    )
    running.publish(_silent(recordings(20, running.rng, first=2000)))
    running.answer()
    newest = steps.error_estimate(running.world, running.process)["blocks"][-1]
    assert (newest["n_observed"], newest["observed"]) == (0, None)
    assert newest["expected"] > 3.0 * before["expected"]
    assert newest["last_value"] == pytest.approx(5.0, abs=0.5)


def test_more_is_expected_of_what_lies_far_from_all_that_was_learned_from(running: Plant) -> None:
    near, far = recordings(20, running.rng, first=1000), recordings(20, running.rng, first=2000, shift=6.0)
    running.publish(near)
    running.answer()
    running.publish(far)
    running.answer()
    answers = running.world.ledger.answers(running.process, [run.sample_id for run in near + far])

    def expected(runs: list[Recording]) -> float:
        known = [answers[run.sample_id] for run in runs if answers[run.sample_id].fallback is None]
        return float(np.mean([row.expected_error for row in known]))

    assert expected(far) > 2.0 * expected(near)


def test_a_fallback_has_no_expected_error(running: Plant) -> None:
    runs = [*recordings(12, running.rng, first=1000), faulty(recordings(1, running.rng, first=2000)[0], running.rng)]
    running.publish(runs)
    running.answer()
    answers = running.world.ledger.answers(running.process, [run.sample_id for run in runs])
    assert {row.fallback is None: row.expected_error is None for row in answers.values()} == {True: False, False: True}
    assert steps.error_estimate(running.world, running.process)["n_expected"] == 12


def test_a_release_without_an_error_model_answers_and_says_so(running: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    older = serving.load

    def without(*arguments: Any) -> Any:
        found = older(*arguments)
        return dataclasses.replace(found, bundle=dataclasses.replace(found.bundle, error_model=None))

    monkeypatch.setattr(serving, "load", without)
    running.publish(recordings(12, running.rng, first=1000))
    assert running.answer()["predictions"] == 12
    assert "has no error model" in steps.error_estimate(running.world, running.process)["why"]


def test_nothing_is_expected_where_no_release_answers(plant: Plant) -> None:
    assert steps.error_estimate(plant.world, plant.process)["why"] == "no release answers yet"
