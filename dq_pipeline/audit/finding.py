"""What an audit says of one sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Fault = Literal[
    "none", "unit", "gain", "offset", "gain_offset", "sign", "swapped", "lag", "stuck", "dead", "missing", "clipped",
    "noisy", "undetermined",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One sensor over one window.

    Attributes
    ----------
    fault
        "none": it measures as before; "undetermined": it reads otherwise, and nothing tells a bias from a change of the
        process.
    gain, offset
        reading = gain x truth + offset, in the sensor's unit.
    lag
        Rows that it is behind.
    against
        What it was measured by: `trusted:<sensor>`, `virtual` (all others), `itself`.
    determined
        Share of its variance that what it is measured by explains, 0 to 1.
    moved
        How far it moved against that, in units of how far it usually goes.
    first
        Place of the first faulty sample in the window.
    other
        The channel it is swapped with.
    """

    sensor: str
    fault: Fault
    text: str
    gain: float = 1.0
    offset: float = 0.0
    lag: float = 0.0
    against: str = ""
    determined: float = 0.0
    moved: float = 0.0
    first: int = 0
    other: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
