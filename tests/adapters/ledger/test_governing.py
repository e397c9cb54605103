"""How many samples could be learned from that could not before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dq_pipeline.records import Flag, FlagKind, TargetRow

pytestmark = pytest.mark.integration


def test_labels_are_counted_by_sample_and_only_where_they_say_something_new(line: Any, score: Any) -> None:
    names = [f"s{i}" for i in range(6)]
    bad = replace(score("s5"), accepted=False)
    known = TargetRow("s0", 1.0, "completion")
    line.commit(scores=(*map(score, names[:5]), bad), targets=(known,))
    before = line.now
    line.later(60)
    assert sorted(line.ledger.labelled_since("pump", before)) == []
    said = [TargetRow(name, 2.0, "labels") for name in ("s1", "s2", "s4", "s5", "unknown")]
    again = [replace(known, origin="review"), TargetRow("s2", 3.0, "file"), TargetRow("s3", 2.0, "labels")]
    line.ledger.add_targets("pump", [*said, *again], line.now)
    rejected = Flag("s4", FlagKind.REPORTED, "1", {"why": "odd"}, rejected=True, who="anna", mark="a")
    line.ledger.add_flags("pump", [rejected], line.now)
    assert sorted(line.ledger.labelled_since("pump", before)) == ["s1", "s2", "s3"], "s2 once"
    assert sorted(line.ledger.labelled_since("pump", line.now)) == []
    line.later(60)
    line.ledger.add_targets("pump", [TargetRow("s0", 1.5, "review")], line.now)
    assert sorted(line.ledger.labelled_since("pump", before)) == ["s0", "s1", "s2", "s3"], "s0 was corrected"
    assert sorted(line.ledger.labelled_since("other", before)) == []
