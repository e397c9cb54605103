from __future__ import annotations

from pathlib import Path

import pytest

from dq_pipeline.demo import plans
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process_file import load
from dq_pipeline.simulate.damage import DAMAGES
from dq_pipeline.simulate.drifts import DRIFTS

PROCESSES = Path(__file__).parents[2] / "dags" / "processes"


@pytest.mark.parametrize("name", plans.PLANS)
def test_every_plan_fits_its_process(name):
    process, plan = load(PROCESSES / f"{name}.yaml"), plans.PLANS[name]
    assert set(plan.drift.sensors) <= set(process.sensor_names)
    assert plan.wear or plan.drift.kind in DRIFTS
    assert set(plan.damaged) <= set(DAMAGES)
    assert plan.drift.at + process.drift.refit_after < plan.samples - plan.tail
    assert plan.ahead >= 2 * process.stream.min_samples


def test_a_process_without_a_plan_drifts_in_all_its_sensors():
    process = load(PROCESSES / "hydraulic.yaml").model_copy(update={"process": "another"})
    assert plans.plan_of(process).drift.sensors == process.sensor_names


def test_says_before_anything_starts_that_recorded_data_are_missing():
    process = load(PROCESSES / "hydraulic.yaml")
    with pytest.raises(ConfigurationError, match="PROCESS=hydraulic DQ_DATA_DIR="):
        plans.check(process, {})
    plans.check(process, {"DQ_DATA_DIR": "/data"})
    plans.check(load(PROCESSES / "vacuum.yaml"), {})
