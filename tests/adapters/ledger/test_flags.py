from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dq_pipeline.records import Flag, FlagKind, TargetRow

pytestmark = pytest.mark.integration

FAR = Flag("s1", FlagKind.OUT_OF_DISTRIBUTION, "1", {"sensors": {"PS1": 0.8}, "statistic": float("nan")}, p=0.01)
REPORT = Flag("s1", FlagKind.REPORTED, "1", {"why": "leak \x00"}, rejected=True, who="anna", mark="a1")


def test_a_batch_commits_its_flags_once(line: Any, score: Any, prediction: Any) -> None:
    claim = line.commit(scores=(score("s1"),), predictions=(prediction("s1"),), flags=(FAR, FAR))
    (row,) = line.ledger.flags("pump")
    assert (row.flag.sample_id, row.flag.kind, row.flag.p, row.at) == ("s1", FAR.kind, 0.01, line.now)
    assert row.flag.evidence == {"sensors": {"PS1": 0.8}, "statistic": None}
    assert line.ledger.add_flags("pump", [FAR], line.now) == 0, "the same sample, kind and release is one flag"
    assert line.ledger.answers("pump", ["s1", "s2"]) == {"s1": prediction("s1")}
    place = line.ledger.recorded("pump", ["s1"])["s1"]
    assert (place.uri, place.source, place.accepted) == (f"assessed/{claim.batch_id}", "p1", True)


def test_reports_differ_by_what_they_say(line: Any) -> None:
    other = Flag("s1", FlagKind.REPORTED, "1", {"why": "fine"}, who="bert", mark="b1")
    assert line.ledger.add_flags("pump", [REPORT, other, REPORT], line.now) == 2
    assert line.ledger.add_flags("pump", [REPORT], line.now) == 0
    assert [row.flag.who for row in line.ledger.flags("pump")] == ["bert", "anna"]


def test_they_are_found_by_kind_and_time_and_the_newest_first(line: Any) -> None:
    line.ledger.add_flags("pump", [FAR], line.now)
    line.later(60)
    wide = Flag("s2", FlagKind.WIDE_INTERVAL, "1")
    line.ledger.add_flags("pump", [wide, REPORT], line.now)

    def found(**options: Any) -> list[str]:
        return [str(row.flag.kind) for row in line.ledger.flags("pump", **options)]

    assert found() == ["reported", "wide_interval", "out_of_distribution"]
    assert found(limit=1) == ["reported"]
    assert found(kinds=[FlagKind.WIDE_INTERVAL, FAR.kind]) == ["wide_interval", "out_of_distribution"]
    assert found(since=line.now) == ["reported", "wide_interval"]
    assert found(since=line.now + timedelta(seconds=1)) == []


def test_a_rejected_sample_is_not_accepted_whatever_its_score(line: Any, score: Any) -> None:
    line.commit(scores=(score("s1"), score("s2")))
    line.ledger.add_flags("pump", [REPORT, Flag("s2", FlagKind.REPORTED, "1", {"why": "odd"}, mark="x")], line.now)
    assert line.ledger.scores("pump", ["s1", "s2"]) == {"s1": (0.5, False), "s2": (0.5, True)}
    assert line.ledger.rejected("pump", ["s1", "s2", "s3"]) == {"s1"}
    assert line.ledger.rejected("other", ["s1"]) == set()


def test_the_rate_counts_samples_of_the_release_and_no_reports(line: Any, score: Any, prediction: Any) -> None:
    names = [f"s{i}" for i in range(4)]
    line.commit(scores=tuple(map(score, names)), predictions=tuple(map(prediction, names)), flags=(FAR,))
    again = Flag("s1", FlagKind.WIDE_INTERVAL, "1")
    reported = Flag("s2", FlagKind.REPORTED, "1", {"why": "odd"}, mark="x")
    line.ledger.add_flags("pump", [again, reported, Flag("s3", FAR.kind, "2")], line.now)
    assert line.ledger.flag_rate("pump", "1") == (1, 4)
    assert line.ledger.flag_rate("pump", "2") == (0, 0)


def test_a_label_brings_its_flag_in_one_transaction(line: Any) -> None:
    flag = Flag("s1", FlagKind.BEYOND_INTERVAL, "1", {"target": 9.0}, p=0.01)
    broken = Flag("s1", FlagKind.BEYOND_INTERVAL, None, {}, p=0.01)  # type: ignore[arg-type]
    target = TargetRow("s1", 9.0, "labels")
    with pytest.raises(Exception, match="null value"):
        line.ledger.add_targets("pump", [target], line.now, flags=[broken])
    assert line.ledger.targets("pump", ["s1"]) == {}
    assert line.ledger.add_targets("pump", [target], line.now, flags=[flag]) == 1
    assert len(line.ledger.flags("pump")) == 1
