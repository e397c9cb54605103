"""The catalog of a running process, and who looked at it."""

from __future__ import annotations

import pytest

from dq_pipeline import steps
from dq_pipeline.adapters.checkout import Checkout
from dq_pipeline.errors import StateError

from .conftest import Plant  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration


def test_a_process_is_in_the_catalog_with_its_release_and_reviews_count_until_it_changes(running: Plant) -> None:
    def look() -> dict[str, str]:
        found = steps.catalog(running.world, [running.process], Checkout())
        assert len({entry.name for entry in found}) == len(found)
        return {entry.name: entry.stale for entry in found}

    name = f"sensor/{running.process}/flow"
    before = look()
    version = running.world.ledger.production(running.process).version
    assert f"release/{running.process}/{version}" in before
    assert {"table/scores", "feature/model/slope", "benchmark/causes", "message/sample"} <= set(before)
    assert set(before.values()) == {"never reviewed"}
    entries = steps.catalog(running.world, [running.process], Checkout())
    columns = next(entry.figures for entry in entries if entry.name == "table/scores")
    assert {"column": "sample_id", "type": "TEXT, required"} in columns
    steps.review_entry(running.world, entries, name, who="ana", note="range compared with the data sheet")
    assert look()[name] == ""
    assert look()[f"sensor/{running.process}/inlet"] == "never reviewed"
    sensors = {
        one: {"unit": "l/min" if one == "flow" else "degC", "range": [-40, 200]} for one in ("flow", "inlet", "outlet")
    }
    running.edit(sensors=sensors)
    assert look()[name].startswith("changed since it was reviewed")
    with pytest.raises(StateError, match="no entry 'sensor/x/flow'"):
        steps.review_entry(running.world, entries, "sensor/x/flow", who="ana", note="looked")
    with pytest.raises(StateError, match="a note expected"):
        steps.review_entry(running.world, entries, name, who="ana", note=" ")
