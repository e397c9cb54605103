"""An alert joins the incident that explains it, and no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dq_pipeline.records import Alert, Cause, Incident
from dq_pipeline.triage.folding import EXPLAINED_BY, NAMED, explaining, explains

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def alert(kind: str, subject: str = "", sample: int | None = 120, samples: tuple[int, int] | None = None) -> Alert:
    evidence = {} if samples is None else {"samples": list(samples)}
    return Alert(kind, f"{kind}:{subject}", "warning", kind, subject, sample, evidence)


def incident(number: int, cause: Cause, subject: str = "", stop: int | None = None) -> Incident:
    return Incident(number, "rig", cause, "", NOW, first=100, stop=stop, cause=cause, subject=subject)


@pytest.mark.parametrize(
    ("cause", "subject", "told", "wanted"),
    [
        (Cause.CALIBRATION, "PS1", alert("audit", "PS1"), True),
        (Cause.CALIBRATION, "PS1", alert("audit", "PS2"), False),
        (Cause.CALIBRATION, "PS1", alert("contract", "mae"), True),
        (Cause.CALIBRATION, "PS1", alert("contract", "mae", None), True),
        (Cause.CALIBRATION, "PS1", alert("contract", "mae", 0, (0, 220)), True),
        (Cause.CALIBRATION, "PS1", alert("parity", "2"), False),
        (Cause.CALIBRATION, "PS1", alert("silence"), False),
        (Cause.MODEL_REGRESSION, "2", alert("parity", "2"), True),
        (Cause.MODEL_REGRESSION, "2", alert("parity", "1"), False),
        (Cause.PROCESS_DRIFT, "", alert("audit", "PS2"), True),
        (Cause.LATE_DATA, "", alert("lag"), True),
        (Cause.UNDETERMINED, "", alert("contract", "mae"), False),
    ],
)
def test_what_a_cause_explains(cause: Cause, subject: str, told: Alert, wanted: bool) -> None:
    assert explains(cause, subject, 100, None, told) is wanted


def test_what_ended_long_before_or_began_long_after_is_not_explained() -> None:
    assert not explains(Cause.PROCESS_DRIFT, "", 900, None, alert("contract", "mae", 0, (0, 220)))
    assert not explains(Cause.PROCESS_DRIFT, "", 0, 50, alert("contract", "mae", 400))


def test_the_newest_that_explains_it_is_chosen() -> None:
    known = [incident(1, Cause.PROCESS_DRIFT), incident(2, Cause.CALIBRATION, "PS1"), incident(3, Cause.LABELS)]
    assert explaining(known[:2], alert("contract", "mae")) is known[1]
    assert explaining(known, alert("audit", "PS2")) is known[0]
    assert explaining(known[1:], alert("silence")) is None


def test_a_corrected_sensor_is_still_wrong_as_it_reads() -> None:
    known = [incident(2, Cause.CALIBRATION, "PS1", stop=150)]
    assert explaining(known, alert("audit", "PS1", 800)) is known[0]
    assert explaining(known, alert("contract", "mae", 800)) is None


def test_what_names_its_cause_is_explained_by_it() -> None:
    assert all(cause in EXPLAINED_BY[kind] for kind, cause in NAMED.items())
