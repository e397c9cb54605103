"""Flags, labels and figures in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

Evidence = Mapping[str, Any]

KINDS = MappingProxyType(
    {
        "wide_interval": "often wrong nearby",
        "unusual_prediction": "unusual answer",
        "out_of_distribution": "unlike the reference",
        "low_score": "low quality",
        "doubtful_score": "doubtful quality",
        "beyond_interval": "truth beyond the interval",
        "reported": "reported",
        "conflicting_labels": "labels disagree",
    }
)
"""Kind of flag -> its short name on a page."""


def kind(name: str) -> str:
    """The short name of a kind of flag; one not known here is named as it is.

    >>> kind("doubtful_score"), kind("made_up_kind")
    ('doubtful quality', 'made up kind')
    """
    return KINDS.get(name, name.replace("_", " "))


def number(value: float | None, digits: int = 4) -> str:
    """A figure; a dash where there is none.

    >>> number(0.123456), number(12345.6), number(1200.0), number(None)
    ('0.1235', '12346', '1200', '-')
    """
    if value is None:
        return "-"
    if 1e3 <= abs(value) < 1e7:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


_LENGTHS = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def age(seconds: float | None) -> str:
    """A length of time in a few characters, as a cell of a table has room for; a dash where there is none.

    >>> age(0.4), age(4.26), age(110.0), age(300.0), age(9000.0), age(200_000.0), age(1e7), age(None)
    ('0.4 s', '4.3 s', '110 s', '5 min', '2.5 h', '2.3 days', '116 days', '-')
    """
    if seconds is None:
        return "-"
    size, unit = next(((size, unit) for size, unit in _LENGTHS if seconds >= 2 * size), _LENGTHS[-1])
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"


def label(value: float | None, classes: Sequence[str] = (), unit: str = "1") -> str:
    """A value of the target: with its unit, or by the name of its class.

    >>> label(1.0, ("good", "bad")), label(2.25, (), "kW"), label(2.25), label(None)
    ('bad', '2.25 kW', '2.25', '-')
    """
    if value is None:
        return "-"
    if classes:
        return classes[int(value)] if value in range(len(classes)) else number(value)
    return number(value) if unit == "1" else f"{number(value)} {unit}"


def told(flag: Mapping[str, Any], classes: Sequence[str] = (), unit: str = "1") -> str:
    """The evidence of one flag as a sentence.

    >>> told({"kind": "doubtful_score", "evidence": {"unified": 0.31, "threshold": 0.25}})
    'Its quality score of 0.31 is close to the threshold of 0.25.'
    """

    def value(given: Any) -> str:
        return label(given, classes, unit)

    say = _SENTENCES.get(flag["kind"], _anything)
    try:
        return say(flag["evidence"], value)
    except (KeyError, TypeError, ValueError):  # evidence of another version: shown as it is
        return _anything(flag["evidence"], value)


def _wide(evidence: Evidence, value: Callable[[Any], str]) -> str:
    found, usual = value(evidence["statistic"]), value(evidence["usual"])
    return f"The model was often wrong about samples like this one: by {found} in the mean, usually by {usual}."


def _unusual(evidence: Evidence, value: Callable[[Any], str]) -> str:
    low, high = evidence["usual"]
    return f"The answer, {value(evidence['value'])}, is unusual: nine in ten lie from {value(low)} to {value(high)}."


def _far(evidence: Evidence, _: Callable[[Any], str]) -> str:
    far = f"{number(evidence['statistic'], 3)}, usually {number(evidence['usual'], 3)}"
    shares = ", ".join(
        f"{one['sensor']} ({one['share']:.0%})" for one in evidence.get("sensors", ()) if one["share"] >= 0.05
    )
    return f"The first rows are unlike the reference: distance {far}" + (f". Mostly {shares}." if shares else ".")


def _doubtful(evidence: Evidence, _: Callable[[Any], str]) -> str:
    found, threshold = number(evidence["unified"], 3), number(evidence["threshold"], 3)
    return f"Its quality score of {found} is close to the threshold of {threshold}."


def _low(evidence: Evidence, _: Callable[[Any], str]) -> str:
    lowest = ", ".join(f"{name} {number(score, 2)}" for name, score in evidence.get("lowest", {}).items())
    found = f"Few recordings in which nothing is wrong score {number(evidence['unified'], 3)} or lower"
    return found + (f"; lowest: {lowest}." if lowest else ".")


def _beyond(evidence: Evidence, value: Callable[[Any], str]) -> str:
    truth, answer = value(evidence["target"]), value(evidence["value"])
    off = number(evidence["half_widths"], 2)
    return f"The label says {truth}, the model {answer}: {off} times what its interval allows."


def _reported(evidence: Evidence, _: Callable[[Any], str]) -> str:
    rating = evidence.get("rating")
    return f"“{evidence['why']}”" + (f" Rated {rating} of 5." if rating is not None else "")


def _conflict(evidence: Evidence, value: Callable[[Any], str]) -> str:
    values = evidence["values"]
    said = [f"{value(one['value'])} by {one.get('annotator') or one.get('origin') or 'nobody'}" for one in values]
    return f"Labels disagree: {', '.join(said)}."


def _anything(evidence: Evidence, _: Callable[[Any], str]) -> str:
    found = (f"{name.replace('_', ' ')} {_plain(value)}" for name, value in evidence.items() if value is not None)
    return ", ".join(found) or "No evidence was kept."


def _plain(value: Any) -> str:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)[:300]


_SENTENCES: Mapping[str, Callable[[Evidence, Callable[[Any], str]], str]] = MappingProxyType(
    {
        "wide_interval": _wide,
        "unusual_prediction": _unusual,
        "out_of_distribution": _far,
        "low_score": _low,
        "doubtful_score": _doubtful,
        "beyond_interval": _beyond,
        "reported": _reported,
        "conflicting_labels": _conflict,
    }
)
