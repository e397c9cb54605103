"""Silence, lag, claims that were left, failures and parked ranges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dq_pipeline.records import BatchState, OpenClaim
from dq_pipeline.watch.arrival import lag, silence
from dq_pipeline.watch.running import failing, parked, stale_claim
from dq_pipeline.watch.sign import KINDS, Sign, spoken

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_silence_is_longer_than_any_pause_before() -> None:
    pauses = np.r_[np.full(50, 60.0), 3600.0]
    assert silence(pauses, 3 * 3600.0 + 1.0, stated_s=None).verdict == "sick"
    assert silence(pauses, 3 * 3600.0, stated_s=None).verdict == "well"
    assert silence(np.full(50, 1.0), 899.0, stated_s=None).verdict == "well", "no shorter pause is silence"
    assert silence(np.full(50, 1.0), 100.0, stated_s=60.0).verdict == "sick", "but a stated one"
    assert silence(np.full(5, 1.0), 1e6, stated_s=None).verdict == "unknown"
    assert silence(np.array([]), None, stated_s=60.0).verdict == "unknown"


def lagging(looks: list[int], waited_s: float | None = 1.0) -> Sign:
    return lag(looks, waited_s, limit_s=900.0, many=100, topic="pump.samples")


@pytest.mark.parametrize(
    ("looks", "waited_s", "sick"),
    [
        ([0], None, False),
        ([50, 120, 180, 260], 10.0, True),
        ([120, 180, 260], 10.0, False),
        ([50, 180, 120, 260], 10.0, False),
        ([10, 20, 30, 40], 10.0, False),
        ([40], 901.0, True),
    ],
)
def test_lag_is_old_or_grows(looks: list[int], waited_s: float | None, sick: bool) -> None:
    assert (lagging(looks, waited_s).verdict == "sick") is sick


def claim(state: BatchState, since_s: float) -> OpenClaim:
    return OpenClaim(f"b{since_s:g}", state, "run", NOW - timedelta(seconds=since_s), 1, "disk full")


def test_a_claim_is_stale_when_its_lease_is_long_over() -> None:
    held, fresh, old = (claim(BatchState.LANDED, since) for since in (-60.0, 60.0, 700.0))
    assert stale_claim([held, fresh], NOW, limit_s=600.0).verdict == "well"
    found = stale_claim([held, fresh, old], NOW, limit_s=600.0)
    assert (found.verdict, found.evidence["batch_id"]) == ("sick", "b700")
    assert stale_claim([claim(BatchState.PARKED, 700.0)], NOW, limit_s=600.0).verdict == "well"


def test_parked_and_failing() -> None:
    assert parked([claim(BatchState.LANDED, 0.0)]).verdict == "well"
    found = parked([claim(BatchState.PARKED, 1.0)])
    assert (found.verdict, found.figure, found.evidence["errors"]) == ("sick", 1.0, ["disk full"])
    assert failing(2, NOW, limit=3).verdict == "well"
    assert failing(3, NOW, limit=3).verdict == "sick"


def test_each_kind_has_a_page_and_every_length_of_time_is_spoken() -> None:
    from pathlib import Path

    pages = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
    assert [kind for kind in KINDS if not (pages / f"{kind}.md").is_file()] == []
    assert [spoken(s) for s in (0.0, 119.0, 120.0, 7199.0, 1e6)] == [
        "0 s",
        "1.2e+02 s",
        "2 min",
        "1.2e+02 min",
        "12 days",
    ]
