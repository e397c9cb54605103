"""Labels that come late, a share of them wrong: for demos and tests, with what is right of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dq_pipeline.errors import DataError
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording, place
from dq_pipeline.records import Outgoing
from dq_pipeline.wire.labels import Label, encode_label

_SEEDED = 7
"""Labels are drawn apart from faults, so that the same recordings are fed with and without them."""


@dataclass(frozen=True, slots=True)
class Late:
    """How labels come.

    Attributes
    ----------
    lag
        Recordings between a recording and its label.
    wrong
        Share of the labels that are wrong.
    error
        Standard deviation of the model's error, in the target's unit; of classes not needed.
    sizes
        How far wrong labels are off, at least and at most, in these standard deviations, up or down.
    """

    lag: int = 30
    wrong: float = 0.0
    error: float = 0.0
    sizes: tuple[float, float] = (3.0, 8.0)


@dataclass(frozen=True, slots=True)
class Labels:
    """What is to be sent; `right` holds the true value of each wrong one."""

    lag: int
    said: Mapping[str, Label] = field(default_factory=dict)
    right: Mapping[str, float] = field(default_factory=dict)

    def after(self, number: int, recordings: Sequence[Recording], process: Process) -> Iterator[Outgoing]:
        """Messages after recording `number`: the label of the one `lag` before it; after the last, all that remain."""
        last = len(recordings) - 1
        for k in range(number - self.lag, (last if number == last else number - self.lag) + 1):
            label = self.said.get(recordings[k].sample_id) if k >= 0 else None
            if label is not None:
                key, value, headers = encode_label(label, process)
                yield Outgoing(process.stream.labels_topic, key, value, tuple(headers))

    def manifest(self, ids: Sequence[str]) -> dict[str, Any]:
        """What labels were sent once all recordings of these ids were, and which are wrong, as JSON can hold it."""
        known = set(ids)
        wrong = {name: {"said": self.said[name].value, "right": value} for name, value in self.right.items()}
        return {
            "lag": self.lag,
            "count": sum(name in known for name in self.said),
            "wrong": {name: values for name, values in wrong.items() if name in known},
        }


def labelled(
    recordings: Sequence[Recording], process: Process, late: Late, *, seed: int, whole: Sequence[str]
) -> Labels:
    """Labels of recordings, derived from the target's column as it was before any fault.

    Parameters
    ----------
    whole
        Ids of the recordings whose label may be wrong: those that carry no other defect, so that each has one.

    Raises
    ------
    DataError
        If no target can be derived, it is one of the sensors, or a wrong label's size is not given.
    """
    target = process.target
    if not 0.0 <= late.wrong <= 1.0 or late.lag < 0:
        raise DataError(f"a share of 0 to 1 and a lag from 0 expected, found {late.wrong} and {late.lag}")
    if target.column in process.sensors:
        raise DataError(f"a target beside the sensors expected; {target.column} is one, every completion says it")
    if late.wrong and not target.classes and not late.error > 0.0:
        raise DataError("the sd of the model's error expected, for the size of wrong labels; found none")
    right = {one.sample_id: place(one, process.as_recorded, "completion").target for one in recordings}
    right = {name: value for name, value in right.items() if np.isfinite(value)}
    if not right:
        raise DataError(f"recordings with a target's column ({target.column}) expected, found none")
    rng = np.random.default_rng([seed, _SEEDED])
    may = [name for name in whole if name in right]
    count = min(round(late.wrong * len(right)), len(may))
    wrong = {may[i]: right[may[i]] for i in rng.choice(len(may), count, replace=False)}
    last = len(recordings) - 1
    said = {}
    for i, one in enumerate(recordings):
        if one.sample_id in right:
            value, at = right[one.sample_id], recordings[min(i + late.lag, last)].start
            if one.sample_id in wrong:
                value = _wrong(value, process, late, rng)
            said[one.sample_id] = Label(one.sample_id, value, at, source=one.source, annotator="laboratory")
    return Labels(late.lag, said, wrong)


def without_target(recording: Recording) -> Recording:
    """The recording as it is sent where labels say the target."""
    return replace(recording, target=None)


def _wrong(value: float, process: Process, late: Late, rng: np.random.Generator) -> float:
    if process.target.classes:
        count = len(process.target.classes)
        return float((int(value) + rng.integers(1, count)) % count)
    return value + float(rng.choice([-1.0, 1.0]) * rng.uniform(*late.sizes)) * late.error
