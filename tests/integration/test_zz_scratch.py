from __future__ import annotations
import json
import pytest
from .conftest import Plant, recordings
from .test_incident import _feed
pytestmark = pytest.mark.integration

def test_shift(plant: Plant) -> None:
    plant.initialize()
    print([m["branch"] for m in _feed(plant, 3, 1000)])
    for k in range(4):
        (made,) = _feed(plant, 1, 4000 + 25 * k, shift=4.0)
        print(made)
    for one in plant.world.ledger.incidents(plant.process):
        print(one.id, one.cause, one.subject, one.title, one.confidence, one.ending, json.dumps(one.record, indent=1))
    assert 0
