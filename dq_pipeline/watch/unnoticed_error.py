"""Signature 2: accuracy falls while nothing fires."""

from __future__ import annotations

from dq_pipeline.feedback.governor import ErrorRatio
from dq_pipeline.watch.sign import Sign


def unnoticed_error(found: ErrorRatio | None, *, limit: float, noticed: str, release: str = "") -> Sign:
    """Is the error surely above what the release promised, and nobody has noticed.

    Parameters
    ----------
    found
        The error seen over the one promised, or expected over usual where truths are missing; None where neither is
        known.
    limit
        The lower end of the ratio's interval must be above it.
    noticed
        What has noticed it already: a drift event, an incident, a training that is due; empty if nothing has.
    """
    if found is None:
        why = "fewer than 20 truths have come, and nothing is expected of the error"
        return Sign("unnoticed_error", "unknown", why, None, limit)
    source = "expected" if found.estimated else "seen"
    text = (
        f"{found.metric} {source} {found.seen:.4g}, promised {found.promised:.4g}: "
        f"{found.ratio:.2f} times, surely {found.low:.2f}, limit {limit:g} ({found.samples} samples)"
    )
    high = found.low > limit
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
