"""What a person should know, and what became of telling it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dq_pipeline.records.alerts import Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""The least first."""


def runbook(kind: str) -> str:
    """The page that says what to do about this: a kind of alert or of incident, a cause, a sign."""
    return f"docs/runbooks/{kind}.md"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know.

    Attributes
    ----------
    kind
        The rule that tells it, as `watch/lag`, `incident/calibration`, `promoted`: what people find useful or not.
    subject
        What it is about: a sensor, a topic, a release; empty for the process as a whole.
    incident, alert
        Numbers of what it tells of, where it tells of one. An alert that goes into an incident is told with that.
    key
        Told once for each; without one it is told each time.
    since
        When what it tells of began; None: when it is told.
    over
        What it tells of has ended: those who heard of it hear that too.
    """

    process: str
    severity: Severity
    title: str
    detail: str
    runbook: str = ""
    kind: str = "other"
    subject: str = ""
    incident: int | None = None
    alert: int | None = None
    key: str = ""
    since: datetime | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as the ledger keeps it.

    Attributes
    ----------
    due_at
        When it is tried, or tried again; None: nothing is left to be sent.
    sent_at
        When an address took it first.
    attempts
        How often an address did not take it.
    record
        `to`: what became of it, by address; `held`: why it is not sent, or not yet; `into`: the notice that tells of it
        too; `more`: titles that it tells too; `given_up`: addresses that never took it.
    useful
        A person's word; None: nobody has said.
    into
        The incident that its alert went into.
    heard
        Addresses that took an earlier notice of the same incident or alert.
    action
        What was done about its incident, as the incident says now.
    ended
        Its incident or alert is over by now.
    """

    id: int
    notice: Notice
    at: datetime
    due_at: datetime | None = None
    sent_at: datetime | None = None
    attempts: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)
    useful: bool | None = None
    judged_by: str | None = None
    judged_at: datetime | None = None
    into: int | None = None
    heard: tuple[str, ...] = ()
    action: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    @property
    def told(self) -> bool:
        """Whether an address took it."""
        return self.sent_at is not None

    @property
    def state(self) -> str:
        """`sent`, `waiting`, `given up`, or `held` (told to nobody, and `record["held"]` says why)."""
        if self.due_at is not None:
            return "waiting"
        if self.record.get("given_up"):
            return "given up"
        return "sent" if self.told else "held"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is sent to one named address."""

    address: str
    severity: Severity
    title: str
    text: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often a rule told something, and what people said of it."""

    kind: str
    notices: int
    told: int
    useful: int
    useless: int
