"""Plots of a ladder, as plotly has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dq_pipeline.stress.report import Climb, Limits, Rung


def plots(usual: Rung, climbs: Sequence[Climb], limits: Limits) -> list[dict[str, Any]]:
    """Error, coverage, retained share and samples until noticed, over the rungs of every ladder."""
    error = None if usual.error is None else limits.error_ratio * usual.error
    coverage = None if usual.coverage is None else usual.coverage - limits.coverage_loss
    drawn = (
        ("Error", "error", error, usual.error),
        ("Coverage of the intervals", "coverage", coverage, usual.coverage),
        ("Share of recordings retained", "retained", limits.retained, usual.retained),
        ("Samples until noticed; none where it was not", "found", float(limits.found_within), None),
    )
    return [_plot(title, name, limit, undisturbed, climbs) for title, name, limit, undisturbed in drawn]


def _plot(
    title: str, name: str, limit: float | None, undisturbed: float | None, climbs: Sequence[Climb]
) -> dict[str, Any]:
    longest = max((len(climb.rungs) for climb in climbs), default=1)
    lines: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": climb.perturbation,
            "x": list(range(1, len(climb.rungs) + 1)),
            "y": [getattr(rung, name) for rung in climb.rungs],
            "text": [f"severity {rung.severity:g}" for rung in climb.rungs],
        }
        for climb in climbs
    ]
    for label, level, color in (("limit", limit, "#cf222e"), ("undisturbed", undisturbed, "#57606a")):
        if level is not None:
            line = {"color": color, "dash": "dash"}
            across = {"x": [1, longest], "y": [level] * 2}
            lines.append({"type": "scatter", "mode": "lines", "name": label, "line": line, **across})
    layout = {"title": {"text": title}, "xaxis": {"title": {"text": "rung, mildest first"}, "dtick": 1}}
    return {"data": lines, "layout": layout}
