"""What of a review is drawn: curves of no more points than a screen shows, and a line from number to number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOST_POINTS = 1200
ROOM = 6.0
"""Times the height of the band that a plot may span."""
SLIGHT = 0.05
"""Share of the distance that is not worth a word."""


def curves(item: Mapping[str, Any], units: Mapping[str, str], most: int = MOST_POINTS) -> dict[str, Any]:
    """Curves and bands of a review, the sensors that drive its distance first, then by the share outside the band.

    Returns
    -------
    dict
        `horizon_s`: where the rows that the model saw end; `sensors`: of each its name, unit, `t`, `values`, `band`,
        the share of its readings that lie `outside` the band, the share of the distance that it `drives`, the
        `range` to draw, and how many readings are `off` it; where one fits all, the range is None.
    """
    times, values = item.get("t_s"), item.get("curves")
    if not times or not values:
        return {"horizon_s": None, "sensors": []}
    band, period, drives = item.get("band") or {}, item["period_s"], _drivers(item.get("flags", ()))
    found = []
    for name, readings in values.items():
        own = band.get(name)
        kept = thinned(readings, most)
        step = max(1, -(-len(own["median"]) // most)) if own else 1
        found.append(
            {
                "name": name,
                "unit": units.get(name, "1"),
                "t": [times[i] for i in kept],
                "values": [readings[i] for i in kept],
                "band": None if own is None else _band(own, period, step),
                "outside": None if own is None else _outside(readings, own),
                "drives": drives.get(name),
                **_window(readings, own),
            }
        )
    found.sort(key=lambda sensor: (-(sensor["drives"] or 0.0), -(sensor["outside"] or 0.0)))
    return {"horizon_s": item["horizon_rows"] * period, "sensors": found}


def thinned(readings: Sequence[float | None], most: int) -> list[int]:
    """Which of n readings to draw: all, or the smallest and the largest of each of most / 2 stretches, and gaps.

    >>> thinned([0.0, 9.0, 1.0, 2.0, None, 5.0, 4.0, 3.0], 4)
    [0, 1, 4, 5, 7]
    """
    n = len(readings)
    if n <= most:
        return list(range(n))
    stretch = -(-n // max(1, most // 2))
    kept: set[int] = set()
    for first in range(0, n, stretch):
        span = range(first, min(first + stretch, n))
        seen = [(value, i) for i in span if (value := readings[i]) is not None]
        kept.update(i for _, i in (min(seen), max(seen)) if seen) if seen else kept.add(first)
        if seen and len(seen) < len(span):
            kept.add(next(i for i in span if readings[i] is None))
    return sorted(kept)


def scale(item: Mapping[str, Any]) -> dict[str, float] | None:
    """Interval, prediction and label on a line from 0 to 100; None for classes, and where there is nothing to draw.

    >>> scale({"prediction": 2.0, "lower": 1.0, "upper": 3.0, "target": 5.0})
    {'lower': 5.0, 'width': 45.0, 'prediction': 27.5, 'target': 95.0}
    """
    if item.get("classes"):
        return None
    shown = {name: item[name] for name in ("prediction", "lower", "upper", "target") if item.get(name) is not None}
    if len(shown) < 2 or min(shown.values()) == max(shown.values()):
        return None
    low, high = min(shown.values()), max(shown.values())
    at = {name: round(5 + 90 * (value - low) / (high - low), 2) for name, value in shown.items()}
    found = (
        {"lower": at["lower"], "width": round(at["upper"] - at["lower"], 2)} if {"lower", "upper"} <= set(at) else {}
    )
    return found | {name: at[name] for name in ("prediction", "target") if name in at}


def _band(own: Mapping[str, Sequence[float | None]], period: float, step: int) -> dict[str, list[float | None]]:
    rows: list[float | None] = [i * period for i in range(0, len(own["median"]), step)]
    return {"t": rows, **{part: list(own[part][::step]) for part in ("median", "lower", "upper")}}


def _outside(readings: Sequence[float | None], own: Mapping[str, Sequence[float | None]]) -> float | None:
    """Share of the readings outside the band, where there is one."""
    judged = [
        low <= value <= high
        for value, low, high in zip(readings, own["lower"], own["upper"], strict=False)
        if value is not None and low is not None and high is not None
    ]
    return 1.0 - sum(judged) / len(judged) if judged else None


def _window(readings: Sequence[float | None], own: Mapping[str, Sequence[float | None]] | None) -> dict[str, Any]:
    """Three times the band's height, where readings far off would leave of the band a line."""
    whole: dict[str, Any] = {"range": None, "off": 0}
    seen = [value for value in readings if value is not None]
    limits = [] if own is None else [value for part in ("lower", "upper") for value in own[part] if value is not None]
    if not seen or not limits or max(limits) == min(limits):
        return whole
    low, high = min(limits), max(limits)
    height = high - low
    if max(*seen, high) - min(*seen, low) <= ROOM * height:
        return whole
    first, last = low - height, high + height
    return {"range": [first, last], "off": sum(not first <= value <= last for value in seen)}


def _drivers(flags: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for flag in flags:
        for one in flag["evidence"].get("sensors") or ():
            found[one["sensor"]] = max(one["share"], found.get(one["sensor"], 0.0))
    return {name: share for name, share in found.items() if share >= SLIGHT}
