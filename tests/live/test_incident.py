"""A sensor at fault in the live stream is named and never learned; a change of the process still is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dq_pipeline.recording import Recording
from dq_pipeline.records import Ending, EventState, Incident
from dq_pipeline.steps.serving import load
from tests.integration.conftest import SENSORS

from .platform import Line, Platform, until

pytestmark = pytest.mark.live
FAULTY, GAIN = "outlet", 1.2
DRIFT = 4.0


def gained(runs: Sequence[Recording]) -> list[Recording]:
    """The same runs as one sensor shows them that reads a fifth too much."""
    found = []
    for run in runs:
        values = run.values.copy()
        values[:, SENSORS.index(FAULTY)] *= GAIN
        found.append(replace(run, values=values))
    return found


@pytest.fixture(scope="module")
def faulty(platform: Platform, names: dict[str, str]) -> Line:
    """A process with a release, one of whose sensors will fail."""
    line = platform.line(names["faulty"])
    line.initialize()
    return line


def events_of_assets(platform: Platform, dag: str) -> list[str]:
    """Assets that the deployment's `decide` reported."""
    path = f"/api/v2/assets/events?source_dag_id={dag}&source_task_id=decide&limit=100"
    found: dict[str, Any] = platform.airflow._call("GET", path) or {}
    return [str(event["uri"]) for event in found["asset_events"]]


def test_a_gain_of_one_sensor_is_an_incident_that_no_retraining_learns(platform: Platform, faulty: Line) -> None:
    ledger, name = platform.world.ledger, faulty.process
    first = ledger.production(name).version

    def incident() -> Incident | None:
        return next((one for one in ledger.incidents(name) if one.sensor), None)

    faulty.feed(faulty.fresh(75), ["completion"])
    assert not ledger.events(name), "no drift yet"
    faulty.feed(gained(faulty.fresh(75)), ["completion"])
    found = until(incident, "an incident")
    assert found.sensor == FAULTY
    assert 73 <= (found.first or 0) <= 77
    assert FAULTY in found.title
    assert found.evidence["gain"] == pytest.approx(GAIN, abs=0.02)
    (event,) = ledger.events(name)
    assert event.state is EventState.INCIDENT
    assert event.evidence["cause"]["sensor"] == FAULTY
    assert until(lambda: f"dq://{name}/incident" in events_of_assets(platform, faulty.dag), "the asset's event")

    faulty.feed(gained(faulty.fresh(75)), ["completion"])
    faulty.calm(lambda: gained(faulty.fresh(12)))
    well_from = ledger.sample_count(name)
    assert [one.id for one in ledger.incidents(name) if one.sensor] == [found.id], "told once"
    assert [row.version for row in ledger.releases(name)] == [first], "not learned"

    # well again, and then the process itself changes
    def recovered() -> bool:
        now = incident()
        return now is not None and now.ending is Ending.RECOVERED

    faulty.feed(faulty.fresh(60), ["completion"])
    until(recovered, "the sensor to be found well")
    closed = incident()
    assert closed is not None
    assert abs((closed.stop or 0) - well_from) <= 2
    assert [row.version for row in ledger.releases(name)] == [first]
    changed = ledger.sample_count(name)
    faulty.feed(faulty.fresh(125, DRIFT), ["completion"])
    faulty.calm(lambda: faulty.fresh(12, DRIFT))
    assert ledger.production(name).version != first, "the change of the process was learned"
    learned = ledger.sample_count(name)
    withheld = {
        batch.batch_id
        for batch in ledger.committed(name)
        if batch.samples and closed.withholds(batch.first_sample)
        if closed.withholds(batch.first_sample + batch.samples - 1)
    }
    assert withheld
    for row in ledger.releases(name):
        release = load(platform.world, row).bundle
        assert not withheld & {batch.batch for batch in release.manifest}
    faulty.feed(faulty.fresh(30, DRIFT), ["completion"])
    stale = faulty.figures(first_sample=changed, release=first)["mae"]
    assert faulty.figures(first_sample=learned)["mae"] < 0.3 * stale
    summary = faulty.summary()
    assert (summary["gaps"], summary["duplicates"]) == (0, 0)
