"""Versions of what models learned from: one for each content, found by hash, challenger, sample and message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.errors import StateError
from dq_pipeline.records import TrainingSample, TrainingSet

from .conftest import NOW, PUMP, TOPIC, Line  # type: ignore[import-not-found]

pytestmark = pytest.mark.integration

FIRST = TrainingSet(
    hash="ab12",
    key="initial-first",
    samples=2,
    refused=1,
    rules={"version": 1},
    findings={"counts": {"conflict": 1}, "refused": [{"sample_id": "c", "gate": "conflict", "figure": None}]},
    reviewers={"anna": 1},
    uri="lake/ab12.json",
    at=NOW,
)
SAMPLES = [TrainingSample("b", "batch-1", 2.0, 0.5), TrainingSample("a", "batch-1", 1.0, None)]


def test_the_same_content_twice_is_one_version_and_the_first_stands(ledger: PostgresLedger) -> None:
    assert ledger.add_training_set(PUMP, FIRST, SAMPLES) == FIRST
    again = replace(FIRST, key="labels-0-1", at=NOW + timedelta(hours=1))
    assert ledger.add_training_set(PUMP, again, SAMPLES) == FIRST
    assert ledger.training_sets(PUMP) == [FIRST]
    assert ledger.training_samples(PUMP, "ab12") == sorted(SAMPLES, key=lambda one: one.sample_id)
    assert ledger.training_samples(PUMP, "ab12", sample="b") == SAMPLES[:1]
    assert ledger.training_samples(PUMP, "ab12", sample="c") == []
    assert ledger.training_sets("other") == []


def test_a_version_is_found_by_its_hash_its_challengers_and_its_samples(ledger: PostgresLedger) -> None:
    second = replace(FIRST, hash="ab34", at=NOW + timedelta(hours=1))
    ledger.add_training_set(PUMP, FIRST, SAMPLES)
    ledger.add_training_set(PUMP, second, SAMPLES[1:])
    for key in ("initial-first", "rereference-1", "initial-first"):
        ledger.use_training_set(PUMP, key, "ab12")
    assert ledger.training_keys(PUMP, "ab12") == ("initial-first", "rereference-1")
    assert ledger.training_set_of(PUMP, "rereference-1") == FIRST
    assert ledger.training_set_of(PUMP, "nobody") is None
    assert ledger.training_set(PUMP, "ab3") == second
    for nothing in ("zz", "%", "a_"):
        assert ledger.training_set(PUMP, nothing) is None
    with pytest.raises(StateError, match="found 2"):
        ledger.training_set(PUMP, "ab")
    assert ledger.learned_from(PUMP, "a") == [FIRST, second]
    assert ledger.learned_from(PUMP, "b") == [FIRST]
    assert ledger.learned_from(PUMP, "c") == []


def test_a_sample_leads_to_its_messages_and_a_message_to_its_sample(line: Line, score: Any) -> None:
    rows = (
        score("a", "horizon", partition=0, offset=3),
        score("a", partition=1, offset=4),
        score("b"),
    )
    claim = line.commit(scores=rows)
    ledger = line.ledger
    found = [(m.sample_id, m.scope, m.topic, m.partition, m.offset) for m in ledger.messages(PUMP, ["a", "b", "z"])]
    assert found == [
        ("a", "horizon", TOPIC, 0, 3),
        ("a", "completion", TOPIC, 1, 4),
        ("b", "completion", TOPIC, None, None),
    ]
    assert ledger.samples_at(PUMP, 1, 4) == ("a",)
    assert ledger.samples_at(PUMP, 1, 3) == ()
    assert ledger.batch_ranges(PUMP, [claim.batch_id, "history"]) == {claim.batch_id: (TOPIC, claim.ranges)}
