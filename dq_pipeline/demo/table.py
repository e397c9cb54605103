"""The table a demo ends with."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def table(summary: dict[str, Any]) -> Table:
    """A summary for people."""
    drift, recordings = summary["drift"], summary["recordings"]
    shown = Table(title=f"What happened: {summary['process']}", show_header=False, title_justify="left")
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    wrong = ", ".join(f"{reason} {count}" for reason, count in recordings["quarantined"].items()) or "none"
    shown.add_row("recordings", f"{recordings['read']} read, {recordings['accepted']} accepted")
    shown.add_row("quarantined", wrong)
    shown.add_row("unified score", "  ".join(f"{name} {value:.2f}" for name, value in summary["unified"].items()))
    shown.add_row("alarms raised", f"{summary['alarms']} by the model, {summary['drift_alarms']} by the drift detector")
    found = "not found" if drift["detected_at"] is None else f"found at sample {drift['detected_at']}"
    shown.add_row(
        "drift", f"injected at sample {drift['injected_at']}, {found} in {', '.join(drift['sensors']) or '-'}"
    )
    for alarm in drift["earlier_alarms"]:
        told = f"sample {alarm['sample']}, {', '.join(alarm['sensors']) or 'all'}: {alarm['done'] or 'open'}"
        shown.add_row("earlier alarm", told)
    for row in summary["releases"]:
        told = f"{row['stage']} ({row['kind']})  MAE {_number(row['mae'])}  R2 {_number(row['r2'])}"
        shown.add_row(f"release {row['version']}", told)
    for name, row in summary["figures"].items():
        if "mae" in row:
            shown.add_row(name, f"MAE {_number(row['mae'])}  R2 {_number(row['r2'])}  on {row['samples']} samples")
        else:
            shown.add_row(name, "  ".join(f"{key} {value}" for key, value in row.items()))
    for name, told in _loop(summary["loop"]):
        shown.add_row(name, told)
    shown.add_row("ledger", f"{summary['ledger']['gaps']} gaps, {summary['ledger']['duplicates']} duplicates")
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in summary["where_time_went"].items())
    shown.add_row("time", f"{summary['seconds']:.0f} s: {spent}")
    return shown


def _loop(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What production taught, where labels came late."""
    if found is None:
        return []
    flags, gate, reviews = found["flags"], found["gate"], found["reviews"]
    rules, people = (
        ", ".join(f"{outcome} {count}" for outcome, count in sorted(reviews[by].items())) or "none"
        for by in ("by_rule", "by_person")
    )
    return [
        ("late labels", f"{found['labels']['sent']} sent, {found['labels']['wrong']} of them wrong"),
        ("flagged", f"{flags['flagged']} of {flags['samples']}, of what is wrong {_number(flags['recall'])}"),
        ("settled by rule", rules),
        ("settled by a person", f"{people}; {reviews['waiting']} wait"),
        ("gate", f"of wrong labels {_number(gate['caught'])} refused, of right ones {_number(gate['lost'])}"),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
