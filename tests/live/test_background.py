"""A retraining of a minute beside the stream: the predictions go on, and hardly later than without it."""

from __future__ import annotations

import logging
import statistics
import time

import pytest

from dq_pipeline.steps import agenda

from .platform import Line, Platform, until

pytestmark = pytest.mark.live

log = logging.getLogger(__name__)
DRIFT = 4.0
LONG_S = 60
GROUP = 12


@pytest.fixture(scope="module")
def beside(platform: Platform, names: dict[str, str]) -> Line:
    """A process whose retraining takes a minute, and whose first release did not."""
    line = platform.line(names["beside"])
    line.initialize()
    line.edit(model={"search_seconds": LONG_S, "trees": 600})
    return line


def answered_after(line: Line, shift: float) -> float:
    """Seconds until all of a small group of recordings have their prediction; the line is at rest before and after."""
    runs = line.fresh(GROUP, shift)
    began = time.monotonic()
    line.publish(runs, ["completion"])
    until(lambda: all(line.predictions(runs).values()), "predictions of all of them")
    seconds = time.monotonic() - began
    until(line.at_rest, f"{line.process} at rest")
    return seconds


@pytest.mark.timeout(1500)
def test_no_prediction_is_later_than_without_a_retraining_by_more_than_a_batch(
    platform: Platform, beside: Line
) -> None:
    airflow, dag = platform.airflow, f"{beside.process}_adaptation"

    def retraining() -> str:
        """The run whose `retrain` works, if there is one."""
        runs = (found["dag_run_id"] for found in airflow.runs(dag, limit=3))
        return next((run for run in runs if airflow.task(dag, run, "retrain")["state"] == "running"), "")

    without = [answered_after(beside, 0.0) for _ in range(5)][1:]  # the first one warms up
    assert not retraining()
    for _ in range(8):
        answered_after(beside, DRIFT)
        if agenda.read(platform.world, beside.process).due is not None:
            break
    run = until(retraining, "a retraining")
    began, first = time.monotonic(), platform.world.ledger.production(beside.process).version
    beside.edit(model={"search_seconds": None, "trees": 60})  # whatever is due afterwards need not take as long

    during: list[float] = []
    while retraining() == run:
        during.append(answered_after(beside, DRIFT))
    took = time.monotonic() - began

    batch = statistics.median(without)
    figures = {"without": without, "during": during}
    log.info("seconds %s", {name: [round(second, 2) for second in seconds] for name, seconds in figures.items()})
    assert took > 0.75 * LONG_S, "it was a long one"
    assert len(during) >= min(5, 0.25 * took / batch), "the stream went on"
    assert max(during) <= max(without) + batch, (without, during)

    beside.calm(lambda: beside.fresh(GROUP, DRIFT))
    assert platform.airflow.ended(dag, run) == "success"
    assert platform.world.ledger.production(beside.process).version != first, "and it was learned"
    summary = beside.summary()
    assert (summary["gaps"], summary["duplicates"], summary["parked"]) == (0, 0, 0)
