"""Signature 2: accuracy falls while nothing fires."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from dq_pipeline.feedback.governor import ErrorRatio
from dq_pipeline.watch.sign import Sign


@dataclass(frozen=True, slots=True)
class Changed:
    """What a sequential test says of the errors: since when they are not as before, by now.

    Attributes
    ----------
    samples
        Truths since then.
    ratio
        Mean absolute error since then over the one promised.
    statistic, threshold
        Logarithms of the test's sum and of its limit.
    """

    samples: int
    ratio: float
    statistic: float
    threshold: float


def unnoticed_error(
    found: ErrorRatio | None, *, limit: float, noticed: str, release: str = "", changed: Changed | None = None
) -> Sign:
    """Is the error surely above what the release promised, and nobody has noticed.

    Surely is the lower end of an interval over the newest samples, or a sequential test of the errors one by one, which
    finds a change among few samples that the newest 200 still hide.

    Parameters
    ----------
    found
        The error seen over the one promised, or expected over usual where truths are missing; None where neither is
        known.
    limit
        The lower end of the ratio's interval must be above it.
    noticed
        What has noticed it already: a drift event, an incident, a training that is due; empty if nothing has.
    changed
        None where the test cannot be made.
    """
    if found is None:
        why = "fewer than 20 truths have come, and nothing is expected of the error"
        return Sign("unnoticed_error", "unknown", why, None, limit)
    source = "expected" if found.estimated else "seen"
    text = (
        f"{found.metric} {source} {found.seen:.4g}, promised {found.promised:.4g}: "
        f"{found.ratio:.2f} times, surely {found.low:.2f}, limit {limit:g} ({found.samples} samples)"
    )
    passed = changed is not None and changed.statistic > changed.threshold
    if changed is not None and passed:
        text += f"; of the newest {changed.samples} {changed.ratio:.2f} times"
    high = found.low > limit or (changed is not None and passed and changed.ratio > limit)
    if high and noticed:
        text += f"; noticed: {noticed}"
    elif high:
        text += "; no drift event, no incident, nothing is due"
    evidence = {
        "release": release,
        "metric": found.metric,
        "seen": found.seen,
        "promised": found.promised,
        "ratio": found.ratio,
        "low": found.low,
        "samples": found.samples,
        "estimated": found.estimated,
        "changed": None if changed is None else asdict(changed),
    }
    sick = high and not noticed
    return Sign(
        "unnoticed_error",
        "sick" if sick else "well",
        text,
        found.low,
        limit,
        severity="critical",
        evidence=evidence,
    )
