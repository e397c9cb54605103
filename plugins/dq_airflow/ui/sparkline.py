"""A line of some numbers as small as a word, for tables: SVG without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 96.0, 24.0, 2.0


@dataclass(frozen=True, slots=True)
class Sparkline:
    """What is drawn, and the same in words.

    Attributes
    ----------
    lines
        Points of polylines, one for each stretch without a gap.
    level
        Height of the line that the numbers are held against; None where there is none.
    last
        Place of the newest number.
    words
        First, lowest, highest and newest number.
    """

    lines: tuple[str, ...]
    level: float | None
    last: tuple[float, float]
    words: str


def sparkline(values: Sequence[float | None], level: float | None = None) -> Sparkline | None:
    """Draw numbers, oldest first; None where fewer than two are known.

    Examples
    --------
    >>> drawn = sparkline([0.0, 1.0, None, 0.5], 0.5)
    >>> drawn.lines, drawn.level, drawn.last
    (('2.0,22.0 32.7,2.0', '94.0,12.0 94.0,12.0'), 12.0, (94.0, 12.0))
    >>> drawn.words
    'from 0 to 0.5, lowest 0, highest 1; held against 0.5'
    """
    known = [(i, value) for i, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    seen = [value for _, value in known]
    low, high = min(*seen, *([] if level is None else [level])), max(*seen, *([] if level is None else [level]))
    span = high - low or 1.0

    def across(i: int) -> float:
        return round(MARGIN + (WIDTH - 2 * MARGIN) * i / (len(values) - 1), 1)

    def down(value: float) -> float:
        return round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / span, 1)

    stretches: list[list[tuple[int, float]]] = []
    for i, value in known:
        if stretches and stretches[-1][-1][0] == i - 1:
            stretches[-1].append((i, value))
        else:
            stretches.append([(i, value)])
    lines = tuple(
        " ".join(f"{across(i)},{down(value)}" for i, value in (one if len(one) > 1 else one * 2)) for one in stretches
    )
    words = f"from {seen[0]:.3g} to {seen[-1]:.3g}, lowest {min(seen):.3g}, highest {max(seen):.3g}"
    return Sparkline(
        lines,
        None if level is None else down(level),
        (across(known[-1][0]), down(seen[-1])),
        words if level is None else f"{words}; held against {level:.3g}",
    )
