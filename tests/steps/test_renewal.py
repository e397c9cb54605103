from __future__ import annotations

from types import SimpleNamespace

import pytest

from dq_pipeline.records import DetectorState
from dq_pipeline.steps.decide import _renewal

CHANGE, FITTED_UNTIL = 20, 120


class Ledger:
    """Three hundred samples, of which a detector has tested some."""

    def __init__(self, tested: int | None) -> None:
        self.tested = tested

    def open_event(self, process):
        return None

    def incidents(self, process):
        return ()

    def sample_count(self, process):
        return 300

    def detector_state(self, process, detector):
        return None if self.tested is None else DetectorState(detector, 7, self.tested, b"")


@pytest.mark.parametrize(
    ("tested", "span"),
    [(None, None), (CHANGE + 199, None), (CHANGE + 200, [CHANGE, CHANGE + 200]), (300, [CHANGE, 300])],
)
def test_a_reference_is_renewed_from_samples_that_its_own_detector_has_tested(tested, span):
    bundle = SimpleNamespace(rebuilding=True, reference_from=CHANGE, detector=object(), stream_starts_at=FITTED_UNTIL)
    serving = SimpleNamespace(process=SimpleNamespace(name="p"), bundle=bundle, detector_id="d")
    due = _renewal(SimpleNamespace(ledger=Ledger(tested)), serving, 7)
    assert (due and due["span"]) == span
