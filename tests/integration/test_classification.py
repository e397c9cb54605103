"""A process whose target is a class, from its history to an adapted release."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from dq_pipeline import steps
from dq_pipeline.recording import Recording
from dq_pipeline.simulate.vacuum import to_table

from .conftest import Plant, recordings  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

CLASSES = ("weak", "fair", "strong")


def _classed(n: int, rng: np.random.Generator, *, first: int = 0) -> list[Recording]:
    """Runs of the pump whose target column says how strong it was."""
    runs = recordings(n, rng, first=first)
    grades = [np.digitize(run.target.mean(), [4.5, 5.5]) for run in runs]
    return [replace(run, target=np.full(len(run.values), float(g))) for run, g in zip(runs, grades, strict=True)]


def test_classes_are_learned_answered_and_judged(plant: Plant) -> None:
    file = plant.world.settings.data_dir / "history.parquet"
    pq.write_table(to_table(_classed(220, np.random.default_rng(7)), target_column="grade"), file)
    plant.edit(
        target={"name": "grade", "unit": "1", "column": "grade", "task": "classification", "classes": list(CLASSES)},
        promotion={"metric": "accuracy"},
        alarm={"when": "below", "limit": 0.5, "on": "prediction"},
    )
    version = plant.initialize()
    runs = _classed(50, plant.rng, first=1000)
    plant.publish(runs)
    assert plant.turn()["branch"] == "nothing"

    figures = steps.status(plant.world, plant.process)["releases"][0]
    assert figures["judged"] == 50
    assert {"accuracy", "precision", "recall", "f1"} <= set(figures)
    assert figures["accuracy"] > 0.6
    assert "roc_auc" in plant.world.ledger.release_by_key(plant.process, "initial-first").metrics
    answers = {m["sample_id"]: m for m in plant.messages("predictions")}
    assert {m["value"] for m in answers.values()} <= {0.0, 1.0, 2.0}
    assert {m["sample_id"] for m in plant.messages("alarms")} == {
        name for name, m in answers.items() if m["value"] == 0.0
    }
    label = {"sample_id": runs[0].sample_id, "value": "strong"}
    assert steps.add_labels(plant.world, plant.process, [label, {**label, "value": "mighty"}])["refused"][0]["row"] == 2
    assert plant.world.ledger.judged(plant.process)[0].target == 2.0
    assert plant.world.ledger.production(plant.process).version == version
