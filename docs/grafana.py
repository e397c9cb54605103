"""Grafana's dashboards as this repository keeps them: rows of panels, each a few queries of listed metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "dq"}
WIDTH, HEIGHT = 24, 8
ONE = '{process="$process"}'

Panel = tuple[str, str, Sequence[tuple[str, str]]]
"""Title, unit, and pairs of a query and what its lines are called."""

PLATFORM: Mapping[str, Sequence[Panel]] = MappingProxyType(
    {
        "Is it running": (
            ("Servers that answer", "bool", [("dq_source_up", "{{source}}")]),
            ("Process files that are broken", "none", [("dq_process_file_valid == 0", "{{process}}")]),
            ("Reading the metrics", "s", [("dq_scrape_seconds", "seconds"), ("dq_scrape_failures", "failures")]),
        ),
        "The stream": (
            ("Messages unread", "none", [("dq_messages_unread", "{{process}}")]),
            ("Messages a second", "none", [("rate(dq_messages_claimed_total[5m])", "{{process}}")]),
            ("Since the last sample", "s", [("dq_last_sample_age_seconds", "{{process}}")]),
            ("Since the last commit", "s", [("dq_batch_age_seconds", "{{process}}")]),
            ("Age of the open micro-batch", "s", [("dq_claim_age_seconds", "{{process}}")]),
            ("Failures in a row", "none", [("dq_failures", "{{process}}")]),
        ),
        "What needs a person": (
            (
                "Incidents open",
                "none",
                [("sum by (process, severity) (dq_incidents_open)", "{{process}} {{severity}}")],
            ),
            (
                "Contracts breached",
                "none",
                [('dq_contract_state{verdict="breach"}', "{{process}} {{contract}} {{slice}}")],
            ),
            ("Parked micro-batches", "none", [("dq_parked_batches", "{{process}}")]),
            ("Dead letters", "none", [("sum by (process) (dq_dead_letters)", "{{process}}")]),
            ("Reviews waiting", "none", [("dq_reviews_waiting", "{{process}}")]),
            ("Notices waiting", "none", [("dq_notices_waiting", "{{process}}")]),
            ("Adaptation on hold", "bool", [("dq_adaptation_on_hold", "{{process}}")]),
            ("Messages lost", "none", [("dq_messages_lost_total", "{{process}}")]),
        ),
    }
)
PROCESS: Mapping[str, Sequence[Panel]] = MappingProxyType(
    {
        "Quality and drift": (
            ("Quality score", "none", [(f"dq_score{ONE}", "quantile {{quantile}}")]),
            ("Rejected", "percentunit", [(f"dq_rejected_share{ONE}", "share")]),
            (
                "Drift",
                "none",
                [(f"dq_drift_statistic{ONE}", "statistic"), (f"dq_drift_threshold{ONE}", "threshold")],
            ),
            ("Refused messages an hour", "none", [(f"increase(dq_quarantined_total{ONE}[1h])", "{{reason}}")]),
            ("Drift alarms an hour", "none", [(f"increase(dq_drift_alarms_total{ONE}[1h])", "alarms")]),
            ("Drift events", "none", [(f"dq_drift_events{ONE}", "{{state}}")]),
        ),
        "Releases": (
            ("In Production", "none", [(f"dq_release_info{ONE}", "{{version}} {{kind}}")]),
            ("Since it was promoted", "s", [(f"dq_release_age_seconds{ONE}", "age")]),
            ("Releases by kind", "none", [(f"dq_releases_total{ONE}", "{{kind}}")]),
            ("Changes", "none", [(f"dq_changes_total{ONE}", "{{action}}")]),
            ("Alarms of the model an hour", "none", [(f"increase(dq_alarms_total{ONE}[1h])", "alarms")]),
        ),
        "Trust": (
            ("Contracts", "none", [(f"dq_contract_state{ONE}", "{{contract}} {{slice}}: {{verdict}}")]),
            ("What they measured", "none", [(f"dq_contract_value{ONE}", "{{contract}} {{slice}}")]),
            ("Incidents", "none", [(f"dq_incidents_open{ONE}", "{{cause}} {{severity}}")]),
            ("Alerts", "none", [(f"dq_alerts_standing{ONE}", "{{kind}} {{severity}}")]),
            ("Oldest review", "s", [(f"dq_reviews_oldest_age_seconds{ONE}", "age")]),
        ),
        "The deployment": (
            ("Seconds by step", "s", [(f"dq_step_seconds{ONE}", "{{step}} {{quantile}}")]),
            ("Samples an hour", "none", [(f"increase(dq_samples_total{ONE}[1h])", "samples")]),
            ("Outbox", "none", [(f"dq_outbox_pending{ONE}", "messages")]),
            (
                "Parked",
                "none",
                [(f"dq_parked_ranges{ONE}", "ranges"), (f"dq_parked_messages{ONE}", "messages")],
            ),
            ("Messages unread", "none", [(f"dq_messages_unread{ONE}", "messages")]),
        ),
    }
)
CHOICE = {
    "name": "process",
    "label": "Process",
    "type": "query",
    "datasource": DATASOURCE,
    "query": {"query": "label_values(dq_process_file_valid, process)", "refId": "process"},
    "refresh": 2,
    "sort": 1,
}


def dashboards() -> dict[str, str]:
    """File name -> the dashboard's JSON."""
    return {
        "platform.json": _dashboard("dq-platform", "Data quality: platform", PLATFORM, []),
        "process.json": _dashboard("dq-process", "Data quality: process", PROCESS, [CHOICE]),
    }


def _dashboard(uid: str, title: str, rows: Mapping[str, Sequence[Panel]], choices: list[Any]) -> str:
    made = {
        "uid": uid,
        "title": title,
        "tags": ["dq"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": choices},
        "panels": list(_panels(rows)),
    }
    return json.dumps(made, indent=1) + "\n"


def _panels(rows: Mapping[str, Sequence[Panel]]) -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for title, panels in rows.items():
        place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        number, top = number + 1, top + 1
        for i, panel in enumerate(panels):
            place = {"x": i % 3 * (WIDTH // 3), "y": top + i // 3 * HEIGHT, "w": WIDTH // 3, "h": HEIGHT}
            yield _panel(number, place, *panel)
            number += 1
        top += -(-len(panels) // 3) * HEIGHT


def _panel(number: int, place: dict[str, int], title: str, unit: str, queries: Sequence[tuple[str, str]]) -> Any:
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0 if unit in ("s", "bool") else None}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": query, "legendFormat": legend}
            for i, (query, legend) in enumerate(queries)
        ],
    }
