"""Which alerts an incident explains, so that each cause is told once; and which alerts name their cause themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dq_pipeline.records import Alert, Cause, Incident

EVERY = frozenset(Cause) - {Cause.UNDETERMINED}
SENSOR = frozenset({Cause.CALIBRATION, Cause.DEAD_SENSOR})
PLANT = frozenset({Cause.OPERATING_MODE, Cause.PROCESS_DRIFT, Cause.CONCEPT_DRIFT})
MONITOR = "monitor"
"""Kind of the alerts of monitors; their subject is what is watched."""
EXPLAINED_BY: Mapping[str, frozenset[Cause]] = MappingProxyType(
    {
        "audit": SENSOR | PLANT | {Cause.LATE_DATA},
        "parity": frozenset({Cause.MODEL_REGRESSION}),
        "rollout": frozenset({Cause.MODEL_REGRESSION}),
        "erratic": frozenset({Cause.MODEL_REGRESSION, Cause.LABELS}),
        "stuck_scores": SENSOR | {Cause.MODEL_REGRESSION},
        "labels": frozenset({Cause.LABELS}),
        "latency": EVERY - {Cause.LABELS, Cause.MODEL_REGRESSION},
        "silence": frozenset({Cause.LATE_DATA}),
        "lag": frozenset({Cause.LATE_DATA}),
        "stale_claim": frozenset({Cause.LATE_DATA}),
        "parked": frozenset({Cause.LATE_DATA}),
        "failing": frozenset({Cause.LATE_DATA}),
        f"{MONITOR}/lost_rows": frozenset({Cause.LATE_DATA, Cause.DEAD_SENSOR}),
        f"{MONITOR}/lost_readings": frozenset({Cause.LATE_DATA, Cause.DEAD_SENSOR}),
        f"{MONITOR}/late_rows": frozenset({Cause.LATE_DATA}),
        f"{MONITOR}/not_come": frozenset({Cause.LATE_DATA}),
        f"{MONITOR}/late_samples": frozenset({Cause.LATE_DATA}),
        f"{MONITOR}/unlabelled": frozenset({Cause.LABELS, Cause.LATE_DATA}),
    }
)
"""Causes that can lead to an alert, by its kind, and a monitor's by what it watches; any can where none is listed."""
NAMED: Mapping[str, Cause] = MappingProxyType(
    {
        "parity": Cause.MODEL_REGRESSION,
        "rollout": Cause.MODEL_REGRESSION,
        "erratic": Cause.MODEL_REGRESSION,
        "stuck_scores": Cause.MODEL_REGRESSION,
        "labels": Cause.LABELS,
        "silence": Cause.LATE_DATA,
        "lag": Cause.LATE_DATA,
        "stale_claim": Cause.LATE_DATA,
        "parked": Cause.LATE_DATA,
        "failing": Cause.LATE_DATA,
    }
)
"""Kinds that say by themselves what they come of."""
OF_A_SUBJECT = frozenset({"audit", "parity", "rollout"})
"""Kinds whose subject is what is at fault, where one thing is."""
REACH = 100
"""Samples by which an alert may speak of earlier ones than those where a cause is thought to begin."""


def explains(cause: Cause, subject: str, first: int | None, stop: int | None, alert: Alert) -> bool:
    """Whether an alert is one more sign of a cause that lies in the samples first <= number < stop.

    An alert speaks of the samples from its own on; its evidence may name `samples`, the first and one past the last.

    Examples
    --------
    >>> said = {"samples": [20, 220]}
    >>> breach = Alert("contract", "contract:mae:", "warning", "MAE is 2, at most 1 expected", "mae", 20, said)
    >>> explains(Cause.CALIBRATION, "PS1", 150, None, breach), explains(Cause.CALIBRATION, "PS1", 400, None, breach)
    (True, False)
    >>> explains(Cause.CALIBRATION, "PS1", 0, None, Alert("audit", "audit:PS2", "warning", "stuck", "PS2", 10))
    False
    """
    kind = f"{MONITOR}/{alert.subject}" if alert.kind == MONITOR else alert.kind
    if cause not in EXPLAINED_BY.get(kind, EVERY):
        return False
    if alert.kind in OF_A_SUBJECT and subject and subject != alert.subject:
        return False
    if alert.sample is None or first is None:
        return True
    samples = alert.evidence.get("samples")
    until = samples[1] if isinstance(samples, list) and len(samples) == 2 else first
    return until > first - REACH and (stop is None or alert.sample < stop + REACH)


def explaining(incidents: Sequence[Incident], alert: Alert) -> Incident | None:
    """The newest open incident that an alert is one more sign of."""
    for one in reversed(incidents):
        # what tells of a sensor that is corrected tells of what it reads: a correction hides nothing of that
        stop = None if alert.subject and alert.subject == one.subject else one.stop
        if one.cause is not None and explains(one.cause, one.subject or "", one.first, stop, alert):
            return one
    return None
