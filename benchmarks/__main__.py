"""Run the benchmarks, print what they measured, and write it as evidence: `make bench`.

A row holds a name (`<module>/<figure>`), a value and its unit, what it was measured against, the bar, and whether it
holds. BENCH_SHORT=1 measures less and fails on nothing but errors: a short look on a busy machine proves no figure. A
benchmark that fails does not keep the others from being measured.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.table import show
from dq_pipeline.evidence import write

FOLDER = Path(__file__).resolve().parents[1] / "var" / "evidence"
BENCHMARKS = (
    "profile_kernel",
    "quality_auc",
    "quality_curation",
    "learned_scorer",
    "filtering",
    "drift_detector",
    "drift_decision",
    "false_alarms",
    "detection_delay",
    "audit",
    "causes",
    "triage",
    "intervals",
    "flags",
    "review_rules",
    "error_estimate",
    "label_gate",
    "contracts",
    "probation",
    "canary",
    "watch",
    "initialization",
    "dq_run",
    "dag_parse",
    "deployment_latency",
    "replay",
    "overview",
)


def main(names: list[str]) -> int:
    """Measure the named benchmarks, all without names; 1 if a bar does not hold."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"Unknown benchmark {', '.join(unknown)}. There are: {', '.join(BENCHMARKS)}.")
    short = bool(os.environ.get("BENCH_SHORT"))
    console = Console()
    rows, failed = [], []
    for name in names or BENCHMARKS:
        began = time.monotonic()
        try:
            rows += importlib.import_module(f"benchmarks.{name}").measure(short)
        except Exception:  # noqa: BLE001 - the others are measured all the same
            console.print_exception()
            failed.append(name)
        console.print(f"[bold]{name}[/bold] {'(short) ' if short else ''}{time.monotonic() - began:.0f} s")
    path = write(FOLDER, "bench", rows, partial=bool(names))
    show(console, rows)
    console.print(f"written to {path}")
    missed = [row["name"] for row in rows if row["holds"] is False]
    if missed:
        console.print(f"[red]bars that do not hold: {', '.join(missed)}[/red]")
    if failed:
        console.print(f"[red]benchmarks that failed: {', '.join(failed)}[/red]")
    return 1 if failed or (missed and not short) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
