"""Every metric that is exposed for Prometheus: its name, its labels, what it says. The one list of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

RECENT_SAMPLES, RECENT_BATCHES = 500, 100
"""What quantiles and shares are taken from: the newest of them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; a counter's name ends in `_total`, a time in seconds says so."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric's value at one moment, under values of its labels."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def _gauge(name: str, told: str, *labels: str) -> Metric:
    return Metric(f"dq_{name}", "gauge", labels, told)


def _counter(name: str, told: str, *labels: str) -> Metric:
    return Metric(f"dq_{name}_total", "counter", labels, told)


_P = "process"
_ALL = (
    _gauge("source_up", "1: `ledger` or `stream` answered; 0: what it would tell is absent.", "source"),
    _gauge("scrape_failures", "Queries of the ledger that failed; their metrics are absent, the others stand."),
    _gauge("scrape_seconds", "How long reading all of this took."),
    _gauge("process_file_valid", "1: the process file is valid; 0: it is not, and its DAGs are absent.", _P),
    _gauge("messages_unread", "Messages on the samples topic that no micro-batch has claimed.", _P),
    _counter("messages_claimed", "Messages that micro-batches have claimed.", _P),
    _counter("messages_lost", "Messages that retention removed before they were read.", _P),
    _counter("samples", "Completed samples that passed the form gate.", _P),
    _gauge("last_sample_age_seconds", "Since the newest completed sample arrived at the broker.", _P),
    _gauge("batch_age_seconds", "Since a micro-batch was last committed.", _P),
    _gauge("claim_age_seconds", "Since the oldest open micro-batch was claimed; 0: none is open.", _P),
    _gauge("step_seconds", f"Of the newest {RECENT_BATCHES} micro-batches, by step.", _P, "step", "quantile"),
    _gauge("failures", "Deployment runs that failed in a row.", _P),
    _gauge("parked_batches", "Micro-batches set aside after too many attempts.", _P),
    _gauge("parked_ranges", "Ranges of offsets in them, one for each partition.", _P),
    _gauge("parked_messages", "Messages in them.", _P),
    _counter("quarantined", "Messages that were refused.", _P, "reason"),
    _gauge("dead_letters", "Refused messages that were not sent again.", _P, "reason"),
    _gauge("outbox_pending", "Answers, alarms and dead letters that wait to be published.", _P),
    _gauge("score", f"Unified quality score of the newest {RECENT_SAMPLES} samples.", _P, "quantile"),
    _gauge("rejected_share", f"Of the newest {RECENT_SAMPLES} samples, how many scored below the threshold.", _P),
    _gauge("drift_statistic", "The drift detector's statistic at the newest sample.", _P),
    _gauge("drift_threshold", "What it must pass for an alarm.", _P),
    _counter("drift_alarms", "Alarms of the drift detector.", _P),
    _gauge("drift_events", "Drift events by state; `open` and `rebuilding` are under way.", _P, "state"),
    _counter("alarms", "Alarms of the model on its answers.", _P),
    _counter("releases", "Releases by kind; all but `initial` adapted to something.", _P, "kind"),
    _counter("changes", "Promotions, rollbacks and rejections.", _P, "action"),
    _gauge("release_info", "1, with the release in Production.", _P, "version", "kind", "settings_hash"),
    _gauge("release_age_seconds", "Since it was promoted.", _P),
    _gauge("adaptation_on_hold", "1: a rollback holds adaptation until a person resumes it.", _P),
    _gauge("incidents_open", "Incidents that are open.", _P, "cause", "severity"),
    _gauge("alerts_standing", "Alerts that are not cleared.", _P, "kind", "severity"),
    _gauge(
        "contract_state", "1, with the newest verdict on each contract in force.", _P, "contract", "slice", "verdict"
    ),
    _gauge("contract_value", "What was measured for it.", _P, "contract", "slice"),
    _gauge("reviews_waiting", "Flagged samples that wait for a person.", _P),
    _gauge("reviews_oldest_age_seconds", "Since the oldest of them was flagged; 0: none waits.", _P),
    _gauge("notices_waiting", "Notices that wait to be sent, or to be tried again.", _P),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""By name, in the order in which they are shown."""
