"""Nothing arrives, or more arrives than is answered."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.watch.sign import Sign, spoken

FEWEST = 20
"""Pauses without which none is usual."""
LONGER = 3.0
"""Times the longest pause of the newest arrivals."""
LEAST_S = 900.0
"""No shorter pause is silence, unless it is stated."""
LOOKS = 3
"""Successive looks at which the lag must have grown."""


def silence(pauses: NDArray[np.float64], since_s: float | None, *, stated_s: float | None) -> Sign:
    """Has nothing arrived for longer than ever.

    The next pause is longer than the longest of the n before it in one of n + 1 cases, whatever their distribution; the
    limit is three times that long.

    Parameters
    ----------
    pauses : (n,)
        Seconds between the newest arrivals.
    since_s
        Seconds since the newest one; None if nothing ever came.
    stated_s
        The process file's limit; None for what is usual.
    """
    longest = float(pauses.max()) if len(pauses) else 0.0
    usual = max(LONGER * longest, LEAST_S) if len(pauses) >= FEWEST else None
    limit = usual if stated_s is None else stated_s
    if since_s is None or limit is None:
        few = "nothing has arrived yet" if since_s is None else f"{len(pauses)} pauses are known, {FEWEST} needed"
        return Sign("silence", "unknown", f"{few}; `watch.silence_s` states a limit", since_s, limit)
    text = f"nothing has arrived for {spoken(since_s)}, limit {spoken(limit)}"
    if stated_s is None:
        text += f" (the longest pause of the newest {len(pauses)} was {spoken(longest)})"
    evidence = {"since_s": since_s, "limit_s": limit, "longest_s": longest, "pauses": len(pauses)}
    sick = since_s > limit
    return Sign("silence", "sick" if sick else "well", text, since_s, limit, severity="critical", evidence=evidence)


def lag(looks: Sequence[int], waited_s: float | None, *, limit_s: float, many: int, topic: str) -> Sign:
    """Has what is unread waited too long, or does it grow from look to look beyond one micro-batch.

    Parameters
    ----------
    looks
        Unread messages at successive looks, the newest last.
    waited_s
        Age of the oldest unread message; None where there is none.
    many
        Messages of one micro-batch at most: a lag below that is taken up at once.
    """
    now = looks[-1] if looks else 0
    newest = list(looks[-LOOKS - 1 :])
    grows = len(newest) > LOOKS and now > many and all(a < b for a, b in itertools.pairwise(newest))
    late = waited_s is not None and waited_s > limit_s
    text = f"{now} unread messages on {topic}"
    if waited_s is not None:
        text += f", the oldest has waited {spoken(waited_s)}, limit {spoken(limit_s)}"
    if grows:
        text += f"; more at each of {LOOKS} looks: {', '.join(map(str, newest))}"
    return Sign(
        "lag",
        "sick" if late or grows else "well",
        text,
        float(now) if grows and not late else waited_s or 0.0,
        float(many) if grows and not late else limit_s,
        topic,
        severity="critical" if late else "warning",
        evidence={"lag": now, "looks": newest, "waited_s": waited_s, "limit_s": limit_s, "topic": topic},
    )
