"""A drill on a live scheduler: the fault is found, named and told of in a copy; the stream never sees it."""

from __future__ import annotations

import pytest

from .platform import Line, Platform, until

pytestmark = pytest.mark.live
SENSOR = "outlet"


@pytest.fixture(scope="module")
def drilled(platform: Platform, names: dict[str, str]) -> Line:
    """A process with a release and enough recordings to copy."""
    line = platform.line(names["drilled"])
    line.initialize()
    line.feed(line.fresh(125), ["completion"])
    return line


def test_the_drill_of_a_unit_passes_and_leaves_the_process_alone(platform: Platform, drilled: Line) -> None:
    ledger, name, dag = platform.world.ledger, drilled.process, f"{drilled.process}_drill"
    before, release = drilled.summary(), ledger.production(name).version
    until(lambda: platform.airflow.has(dag), dag)
    platform.airflow.trigger(dag, "by-hand", {"fault": "unit", "sensor": SENSOR})
    assert platform.airflow.ended(dag, "by-hand") == "success", platform.last_words()
    found = platform.airflow.result(dag, "by-hand", "drill")
    assert found["verdict"] == "passed", found
    assert (found["cause"], found["subject"]) == ("calibration", SENSOR)
    assert 1 <= found["samples"]["found"] <= found["samples"]["named"] <= 50
    assert found["seconds"]["alerted"] > 0.0
    assert [(row.key, row.verdict) for row in ledger.drills(name)] == [("by-hand", "passed")]
    assert not ledger.incidents(name)
    assert not ledger.alerts(name)
    assert ledger.production(name).version == release
    assert drilled.summary() == before
