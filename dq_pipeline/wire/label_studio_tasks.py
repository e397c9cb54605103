"""Samples as tasks of Label Studio, and the labelling interface that goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np

from dq_pipeline.process import Process
from dq_pipeline.target import plausible_range
from dq_pipeline.wire.label_studio import ACTIONS, STARS

REGIONS = ("Defect", "Unusual", "Other")


def time_column(process: Process) -> str:
    """The name of the times' column: `time`, unless a sensor is called so."""
    name = "time"
    while name in process.sensors:
        name += "_s"
    return name


def task_of(process: Process, item: Mapping[str, Any]) -> dict[str, Any]:
    """One review as a task: curves within, what the model says as a prediction.

    The tool would draw a missing reading as 0 (its issue 695): gaps are bridged by straight lines, and `missing` says
    how many readings of which sensor are made up so.

    Parameters
    ----------
    item
        As :func:`dq_pipeline.steps.review` gives it, with curves.
    """
    columns: dict[str, list[float]] = {time_column(process): list(item["t_s"])}
    missing: dict[str, int] = {}
    for sensor, readings in item["curves"].items():
        columns[sensor], gaps = _bridged(item["t_s"], readings)
        if gaps:
            missing[sensor] = gaps
    named = {"process": process.name, "sample_id": item["sample_id"], "review": item["review"]}
    told = {
        "title": f"{process.title}: {item['sample_id']}",
        "label": _told(item, item["target"], item["target_origin"]),
        "answer": _told(item, item["prediction"], None if item["lower"] is None else _interval(item)),
        "flagged": ", ".join(item["kinds"]),
        "missing": missing,
    }
    result = _answer(process, item["prediction"])
    prediction = {"model_version": f"release {item['release']}", "result": [result]}
    return {
        "data": {**named, **told, "ts": columns},
        "meta": {**named, "kinds": list(item["kinds"]), "priority": item["priority"]},
        "predictions": [] if result is None else [prediction],
    }


def configuration(process: Process, step: float = 0.001) -> str:
    """The labelling interface, as XML: paste it under Settings, Labeling Interface, Code."""
    view = Xml.Element("View")
    Xml.SubElement(view, "Header", value="$title")
    for name in ("label", "answer", "flagged"):
        Xml.SubElement(view, "Text", name=f"{name}_text", value=f"${name}")
    regions = Xml.SubElement(view, "TimeSeriesLabels", name="label", toName="ts")
    for region in REGIONS:
        Xml.SubElement(regions, "Label", value=region)
    series = Xml.SubElement(
        view, "TimeSeries", name="ts", valueType="json", value="$ts", timeColumn=time_column(process)
    )
    for name, sensor in process.sensors.items():
        Xml.SubElement(series, "Channel", column=name, legend=name, units=sensor.unit, displayFormat=",.4g")
    _choices(view, "action", ACTIONS, required="true")
    if process.target.classes:
        _choices(view, "class", process.target.classes)
    else:
        low, high = plausible_range(process)
        Xml.SubElement(
            view, "Number", name="value", toName="ts", min=f"{low:.6g}", max=f"{high:.6g}", step=f"{step:.6g}"
        )
    Xml.SubElement(view, "Rating", name="confidence", toName="ts", maxRating=str(STARS))
    Xml.SubElement(view, "TextArea", name="why", toName="ts", rows="2", maxSubmissions="1", placeholder="why")
    Xml.indent(view)
    return Xml.tostring(view, encoding="unicode") + "\n"


def _choices(view: Xml.Element, name: str, values: Sequence[str], **options: str) -> None:
    choices = Xml.SubElement(view, "Choices", name=name, toName="ts", choice="single", showInline="true")
    choices.attrib.update(options)
    for value in values:
        Xml.SubElement(choices, "Choice", value=value)


def _answer(process: Process, value: float | None) -> dict[str, Any] | None:
    if value is None:
        return None
    classes = process.target.classes
    if classes:
        chosen = {"choices": [classes[int(value)]]}
        return {"id": "answer", "from_name": "class", "to_name": "ts", "type": "choices", "value": chosen}
    return {"id": "answer", "from_name": "value", "to_name": "ts", "type": "number", "value": {"number": value}}


def _told(item: Mapping[str, Any], value: float | None, more: str | None) -> str:
    if value is None:
        return f"{item['target_name']}: not known"
    shown = item["classes"][int(value)] if item["classes"] else f"{value:.6g} {item['unit']}"
    return f"{item['target_name']}: {shown}" + (f" ({more})" if more else "")


def _interval(item: Mapping[str, Any]) -> str:
    return "" if item["classes"] else f"{item['lower']:.6g} to {item['upper']:.6g}"


def _bridged(t_s: Sequence[float], readings: Sequence[float | None]) -> tuple[list[float], int]:
    """Readings without gaps, and how many were missing.

    >>> _bridged([0.0, 1.0, 2.0], [1.0, None, 3.0])
    ([1.0, 2.0, 3.0], 1)
    """
    values = np.array(readings, dtype=np.float64)  # None is NaN
    gap = np.isnan(values)
    if gap.all():
        return [0.0] * len(values), len(values)
    times = np.asarray(t_s, dtype=np.float64)
    values[gap] = np.interp(times[gap], times[~gap], values[~gap])
    return values.tolist(), int(gap.sum())
