"""Where the target moved as well, the process comes before the sensor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dq_pipeline.records import Cause
from dq_pipeline.triage.truth import heed_target
from dq_pipeline.triage.verdict import Hypothesis, Verdict

SENSORS = ("flow", "inlet", "outlet")
ROWS = 30


def stretch(n: int, rng: np.random.Generator, *, offset: float = 0.0, target: float = 0.0) -> SimpleNamespace:
    """Runs of a small pump; `offset` moves the reading of flow alone, `target` what comes of the run."""
    level, load = rng.normal(size=(2, n, 1))
    drive = np.linspace(0, 1, ROWS)
    values = np.stack([10 + level + drive, 50 + 2 * load + 3 * drive, 40 + 2 * load + level + 2 * drive], axis=2)
    values += rng.normal(scale=0.3, size=values.shape)
    values[:, :, 0] += offset
    truth = 5 + level[:, 0] + 0.5 * load[:, 0] + target + rng.normal(scale=0.03, size=n)
    return SimpleNamespace(values=values, target=truth)


def case(offset: float, target: float, column: str = "yield") -> Any:
    rng = np.random.default_rng(7)
    before, calm, since = stretch(250, rng), stretch(20, rng), stretch(25, rng, offset=offset, target=target)
    joined = {name: np.concatenate([getattr(calm, name), getattr(since, name)]) for name in ("values", "target")}
    sensors = {name: SimpleNamespace(unit="1") for name in SENSORS}
    process = SimpleNamespace(sensors=sensors, sensor_names=SENSORS, target=SimpleNamespace(column=column))
    return SimpleNamespace(process=process, before=before, since=SimpleNamespace(**joined), begin=20)


VERDICT = Verdict(
    (
        Hypothesis(Cause.CALIBRATION, "flow", 0.93, "flow: offset +4", 270),
        Hypothesis(Cause.UNDETERMINED, "flow", 0.03, "", 270),
        Hypothesis(Cause.PROCESS_DRIFT, "", 0.02, "3 sensors moved", 270),
    ),
    decided_by="audit",
)


def test_a_sensor_alone_stays_the_first() -> None:
    assert heed_target(case(4.0, 0.0), VERDICT) is VERDICT


def test_a_target_that_moved_speaks_for_the_process() -> None:
    found = heed_target(case(4.0, -8.0), VERDICT)
    assert [one.cause for one in found.hypotheses] == [
        Cause.PROCESS_DRIFT,
        Cause.CALIBRATION,
        Cause.UNDETERMINED,
    ]
    assert [one.confidence for one in found.hypotheses] == [0.93, 0.02, 0.03]
    assert found.decided_by == "target"
    assert found.slices[-1]["tried"] == "target"


@pytest.mark.parametrize("column", ["flow"])
def test_a_target_that_is_a_sensor_is_not_asked(column: str) -> None:
    assert heed_target(case(4.0, -8.0, column), VERDICT) is VERDICT


def test_without_a_rival_nothing_is_turned() -> None:
    alone = Verdict(VERDICT.hypotheses[:1])
    assert heed_target(case(4.0, -8.0), alone) is alone
    assert heed_target(case(4.0, -8.0), Verdict()).first is None
