"""Signature 2: accuracy falls while nothing fires."""

from __future__ import annotations

from collections.abc import Sequence

from dq_pipeline.feedback.governor import ErrorRatio
from dq_pipeline.watch.sign import Sign

WINDOWS = (200, 50)
"""Newest samples that the error is taken from: the longer window is surer, the shorter one sooner."""


def unnoticed_error(windows: Sequence[ErrorRatio | None], *, limit: float, noticed: str, release: str = "") -> Sign:
    """Is the error of any window surely above what the release promised, and nobody has noticed.

    Parameters
    ----------
    windows
        The error seen over the one promised, or expected over usual where truths are missing; None where neither is
        known. What is expected counts only where nothing was seen.
    limit
        The lower end of the ratio's interval must be above it.
    noticed
        What has noticed it already: a drift event, an incident, a training that is due; empty if nothing has.
    """
    known = [one for one in windows if one is not None]
    seen = [one for one in known if not one.estimated] or known
    if not seen:
        why = "fewer than 20 truths have come, and nothing is expected of the error"
        return Sign("unnoticed_error", "unknown", why, None, limit)
    found = max(seen, key=lambda one: one.low)
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
        "unnoticed_error", "sick" if sick else "well", text, found.low, limit, severity="critical", evidence=evidence
    )
