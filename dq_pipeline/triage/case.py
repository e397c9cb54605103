"""A case: everything that was measured around a suspected change, as arrays. The ledger and the lake fill it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.process import Process

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Samples in stream order, n of them, f sensors of T rows each.

    Attributes
    ----------
    number : (n,)
        Sample numbers; those of history are negative.
    values : (n, T, f)
        As the sensors read: nothing is corrected.
    target : (n,)
        What counts as the truth, NaN where it has not come.
    value, lower, upper : (n,)
        The answer of the release that was in Production, NaN where there is none.
    release
        Which release that was, empty where none answered.
    dimensions : (n, 5)
        The quality's dimensions, NaN where it was not scored.
    late : (n,)
        Seconds from a recording's end to its arrival, NaN where it is not known.
    metadata, source
        As the messages carried them.
    features : (n, k)
        What the model saw, in the order of the release's feature list; k may be 0.
    labels
        Per sample what was said of its target: `origin`, `annotator`, `value`; empty where nothing was.
    shadow
        Answers (n,) of other releases to the same samples, by version.
    disordered : (n,)
        Share of the rows that came after younger ones; empty where that was not counted.
    """

    number: Integers
    values: Floats
    target: Floats
    value: Floats
    lower: Floats
    upper: Floats
    release: tuple[str, ...]
    dimensions: Floats
    late: Floats
    source: tuple[str, ...]
    metadata: tuple[Mapping[str, str], ...]
    features: Floats
    labels: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    shadow: Mapping[str, Floats] = field(default_factory=dict)
    disordered: Floats = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.number)

    def part(self, chosen: slice) -> Stretch:
        """Some of them, in their order."""
        return replace(
            self,
            **{name: getattr(self, name)[chosen] for name in _PER_SAMPLE},
            shadow={version: said[chosen] for version, said in self.shadow.items()},
        )


_PER_SAMPLE = tuple(one.name for one in fields(Stretch) if one.name != "shadow")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A suspected change: what was before it, what is since, and what was done meanwhile.

    Attributes
    ----------
    before
        Samples while all was well, the newest before `since`.
    since
        Samples from somewhat before the suspected change on.
    begin
        Place in `since` of the first sample that is thought to be changed.
    alerts
        Kinds, subjects and evidence of the alerts that are open: what made somebody ask.
    changes
        What was done on purpose: `kind` (promote, rollback, settings, code, inventory), `sample`, `detail`.
    missing
        Samples that were expected and did not come, and messages refused, by reason.
    parity
        Steps of the computation that gave other numbers than when the release was made, in their order; per
        release version. Empty where all agree.
    regimes : per known regime (N_r, f)
        Mean of every sensor in recordings of past references that may be back, by the release that belongs to each.
    """

    process: Process
    before: Stretch
    since: Stretch
    begin: int
    alerts: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    parity: Mapping[str, Sequence[str]] = field(default_factory=dict)
    regimes: Mapping[str, Floats] = field(default_factory=dict)
