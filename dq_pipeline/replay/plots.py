"""Plots of a replay, as plotly has them: plain mappings, so that nothing need be installed to make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dq_pipeline.process import Process
from dq_pipeline.replay.comparison import window_errors
from dq_pipeline.replay.prequential import Run

_KINDS = {"refit": ("#1a7f37", "solid"), "reinstate": ("#8250df", "solid"), "reference": ("#57606a", "dot")}


def plots(runs: Mapping[str, Run], process: Process) -> list[dict[str, Any]]:
    """Error over time with alarms and adaptations, the detector's statistic, and seconds; the first run leads."""
    return [_errors(runs, process), _statistic(next(iter(runs.values()))), _seconds(runs)]


def _errors(runs: Mapping[str, Run], process: Process) -> dict[str, Any]:
    lines = []
    for number, (name, run) in enumerate(runs.items()):
        at = run.first + np.arange(0, len(run.truth), run.step)
        lines.append(_line(name, at, window_errors(run, process), legendonly=number > 2))
    main = next(iter(runs.values()))
    unit = "" if process.target.task == "classification" else f", {process.target.unit}"
    layout = _layout(f"Error of each window{unit}")
    if process.target.task == "regression":
        layout["yaxis"] |= {"type": "log"}
    layout["shapes"] = [_mark(at, "#cf222e", "dash", 1.0) for at in main.alarms] + [
        _mark(a.at, *_KINDS[a.kind], 0.5) for a in main.adaptations
    ]
    lines += [_key("alarm", "#cf222e", "dash"), *(_key(kind, *look) for kind, look in _KINDS.items())]
    return {"data": lines, "layout": layout}


def _statistic(run: Run) -> dict[str, Any]:
    at = run.first + np.arange(len(run.truth))
    lines = [
        _line("statistic", at, run.statistic),
        _line("threshold", at, np.where(run.calibrated, run.threshold, np.nan), color="#cf222e"),
        _line("threshold, uncalibrated", at, np.where(run.calibrated, np.nan, run.threshold), color="#ff8182"),
    ]
    return {"data": lines, "layout": _layout("Drift detector")}


def _seconds(runs: Mapping[str, Run]) -> dict[str, Any]:
    lines = []
    for name, run in runs.items():
        at = run.first + np.minimum(np.arange(1, len(run.elapsed) + 1) * run.step, len(run.truth))
        lines.append(_line(name, at, run.elapsed))
    return {"data": lines, "layout": _layout("Cumulative seconds")}


def _line(name: str, x: Any, y: Any, *, color: str | None = None, legendonly: bool = False) -> dict[str, Any]:
    values = [None if value != value else float(value) for value in y]
    line = {"type": "scatter", "mode": "lines", "name": name, "x": [int(at) for at in x], "y": values}
    look: dict[str, Any] = {"line": {"color": color}} if color else {}
    return line | look | ({"visible": "legendonly"} if legendonly else {})


def _mark(at: int, color: str, dash: str, opacity: float) -> dict[str, Any]:
    line = {"color": color, "dash": dash, "width": 1}
    place = {"x0": at, "x1": at, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    return {"type": "line", **place, "line": line, "opacity": opacity}


def _key(name: str, color: str, dash: str) -> dict[str, Any]:
    line = {"color": color, "dash": dash}
    return {"type": "scatter", "mode": "lines", "name": name, "x": [None], "y": [None], "line": line}


def _layout(title: str) -> dict[str, Any]:
    return {"title": {"text": title}, "xaxis": {"title": {"text": "sample"}}, "yaxis": {}, "plot_bgcolor": "white"}
