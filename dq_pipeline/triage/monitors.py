"""Monitors of what no sensor shows: errors of the model, and shares of what is lost, late or unlabelled.

Each is an e-detector (:mod:`dq_pipeline.triage.sums`) that is carried on from sample to sample: what is held and what
is known of the usual is all it keeps. After an alarm its sums begin anew. The benchmark measures this very function.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.triage.case import Stretch
from dq_pipeline.triage.errors import COUNT, Errors
from dq_pipeline.triage.sums import BETS, Sums, Usual

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Series = tuple[Integers, Floats]
"""Numbers of samples (n,), and what is looked at of them (n,) or (n, m), NaN where it is not known."""

PER_1000 = 0.1
"""False alarms of one monitor that are allowed, per 1,000 samples."""
ERROR, LATE = "error", "late_samples"
LATE_KNOWN = 100
"""Samples whose arrival has to be known before it is watched: later than nearly all of these is late."""
_NEARLY_ALL = 0.98


@dataclass(frozen=True, slots=True)
class Raised:
    """A monitor's alarm.

    Attributes
    ----------
    kind
        "error", "lost_rows", "lost_readings" (of one sensor), "late_rows", "late_samples", "unlabelled", or the name
        of a share that was given.
    sample, begin
        Numbers of the sample that raised it, and of the one since which it was held against "as before".
    statistic, threshold
        Logarithms of the sum and of its limit.
    """

    kind: str
    sample: int
    begin: int
    statistic: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What the monitors carry on.

    Attributes
    ----------
    sums
        Of each monitor.
    usual
        What its shares were.
    seconds
        To arrival, until `LATE_KNOWN` are known.
    errors
        What is usual of the errors beyond those that the release came with.
    """

    sums: Mapping[str, Sums] = field(default_factory=dict)
    usual: Mapping[str, Usual] = field(default_factory=dict)
    seconds: tuple[float, ...] = ()
    errors: Errors = field(default_factory=Errors.none)

    def restarted(self) -> Held:
        """With nothing bet yet: what was found is over."""
        return replace(self, sums={})

    def relearned(self, kinds: Collection[str]) -> Held:
        """Without what was usual in these: it is learned anew."""
        kept = {name: {k: v for k, v in getattr(self, name).items() if k not in kinds} for name in ("sums", "usual")}
        seconds = () if LATE in kinds else self.seconds
        return replace(self, **kept, seconds=seconds, errors=Errors.none() if ERROR in kinds else self.errors)

    def to_json(self) -> dict[str, Any]:
        """For the ledger."""
        told = {name: {k: v.to_json() for k, v in getattr(self, name).items()} for name in ("sums", "usual")}
        return {**told, "seconds": list(self.seconds), "errors": self.errors.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave."""
        return cls(
            {kind: Sums.from_json(one) for kind, one in data["sums"].items()},
            {kind: Usual.from_json(one) for kind, one in data["usual"].items()},
            tuple(data["seconds"]),
            Errors.from_json(data["errors"]),
        )


def watch(
    held: Held,
    now: Mapping[str, Series],
    *,
    errors: Floats | None = None,
    unusual: Collection[str] = (),
    per_1000: float = PER_1000,
) -> tuple[Held, tuple[Raised, ...]]:
    """Watch further samples.

    Parameters
    ----------
    held
        What was carried on from those before.
    now
        What is looked at, by the monitor that does: `error` is target less answer, `late_samples` seconds from a
        recording's end to its arrival, everything else shares in [0, 1].
    errors : (m,)
        Errors of the release on samples that it had not learned from; without them it is watched once it has given
        enough of its own.
    unusual
        Monitors whose alarm stands: what they are shown is not learned as usual.

    Returns
    -------
    Held, tuple of Raised
        What to carry on; every alarm, by the sample that raised it.
    """
    sums, usual, seconds, known = dict(held.sums), dict(held.usual), held.seconds, held.errors
    limit = float(np.log(1000.0 / per_1000))
    raised: list[Raised] = []
    for kind, (number, values) in now.items():
        if not len(number):
            continue
        if kind == ERROR:
            bets, known = known.bets(errors, values, learn=kind not in unusual)
            count = COUNT
        else:
            share = values
            if kind == LATE:
                before, (share, seconds) = len(seconds), _later(seconds, values)
                if before < len(seconds) == LATE_KNOWN:
                    usual[kind] = Usual.none(1).bets(_late(seconds, np.array(seconds)))[1]
            share = share.reshape(len(number), -1)
            count = share.shape[1] * len(BETS)
            was = usual.get(kind, Usual.none(share.shape[1]))
            bets, usual[kind] = was.bets(share, learn=kind not in unusual)
        sums[kind], found = _bet(kind, sums.get(kind, Sums.none(count)), bets, number, limit)
        raised += found
    return Held(sums, usual, seconds, known), tuple(sorted(raised, key=lambda one: one.sample))


def looked_at(stretch: Stretch, *, shares: Mapping[str, Floats] | None = None) -> dict[str, Series]:
    """What the monitors look at of a stretch, and more `shares` (n,) by name."""
    found = {
        ERROR: stretch.target - stretch.value,
        "lost_rows": lost_rows(stretch),
        "late_rows": stretch.disordered,
        "lost_readings": np.isnan(stretch.values).mean(axis=1),
        LATE: stretch.late,
        "unlabelled": np.isnan(stretch.target) * 1.0,
        **(shares or {}),
    }
    return {kind: (stretch.number, values) for kind, values in found.items() if len(values)}


def lost_rows(stretch: Stretch) -> Floats:
    """Share of the rows (n,) in which at least half of the sensors read nothing."""
    return np.asarray((np.isnan(stretch.values).mean(axis=2) >= 0.5).mean(axis=1))


def _bet(kind: str, sums: Sums, bets: Floats, number: Integers, limit: float) -> tuple[Sums, list[Raised]]:
    """Bet on further samples; after each alarm anew."""
    made = np.isfinite(bets).any(axis=1)
    bets, number = bets[made], number[made]
    found: list[Raised] = []
    while len(bets):
        statistic, begin, then = sums.then(bets, number)
        over = np.flatnonzero(statistic > limit)
        if not len(over):
            return then, found
        i = int(over[0])
        found.append(Raised(kind, int(number[i]), int(begin[i]), float(statistic[i]), limit))
        sums, bets, number = Sums.none(bets.shape[1]), bets[i + 1 :], number[i + 1 :]
    return sums, found


def _later(known: tuple[float, ...], seconds: Floats) -> tuple[Floats, tuple[float, ...]]:
    """Whether samples (n,) come later than nearly all of the first; NaN of these themselves."""
    place = np.flatnonzero(np.isfinite(seconds))
    taken = place[: LATE_KNOWN - len(known)]
    known = (*known, *np.round(seconds[taken], 6).tolist())
    late = np.full(len(seconds), np.nan)
    if len(known) == LATE_KNOWN:
        rest = place[len(taken) :]
        late[rest] = _late(known, seconds[rest])[:, 0]
    return late, known


def _late(known: tuple[float, ...], seconds: Floats) -> Floats:
    """Whether these (n, 1) are beyond nearly all of those known."""
    return np.asarray(seconds > float(np.quantile(known, _NEARLY_ALL)), np.float64)[:, None]
