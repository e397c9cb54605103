"""What goes wrong with the channels of single recordings, by kind; severity 0.1 is barely there, 1 the worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.channels import Channel
from dq_pipeline.encode.encoder import Item
from dq_pipeline.experiments.heterogeneous.plant import PIXELS, ROWS, VALVE, png

Fault = Callable[[Channel, float, np.random.Generator], Channel]
"""Channel, severity and chance in, the spoilt channel out."""


def stuck(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """The valve shows one position for up to the whole recording."""
    held = _stretch(len(channel.items), severity, rng)
    return _changed(channel, dict.fromkeys(range(held.start, held.stop), channel.items[held.start]))


def unlisted(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to half of the rows show a position that the process file does not list."""
    held = _stretch(len(channel.items), 0.5 * severity, rng)
    return _changed(channel, dict.fromkeys(range(held.start, held.stop), "VLV_ERR"))


def missing(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to half of the items are lost, one by one."""
    there = np.ones(len(channel.items), np.bool_)
    there[_some(len(there), 0.5 * severity, rng)] = False
    return channel.take(there)


def swapped(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Open is said for closed and closed for open, for up to the whole recording."""
    held = _stretch(len(channel.items), severity, rng)
    other: dict[Item, Item] = {"open": "closed", "closed": "open"}
    found = {i: other.get(channel.items[i], channel.items[i]) for i in range(held.start, held.stop)}
    return _changed(channel, found)


def flicker(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to half of the rows show any position."""
    hit = _some(len(channel.items), 0.5 * severity, rng)
    return _changed(channel, {i: str(rng.choice(VALVE[:3])) for i in hit})


def silent(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Nothing comes for up to the whole recording."""
    held = _stretch(ROWS, severity, rng)
    return channel.take((channel.times_s < held.start) | (channel.times_s >= held.stop))


def errors(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to twenty errors more are logged."""
    row = np.sort(rng.choice(ROWS, max(1, round(20 * severity)), replace=False)).astype(np.float64)
    return _with(channel, row, tuple(f"ERROR valve does not answer, try {k}" for k in range(len(row))))


def chatter(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Lines of no known kind, up to two a row."""
    row = np.sort(rng.choice(2 * ROWS, max(1, round(2 * ROWS * severity)), replace=False)) // 2
    words = rng.integers(97, 123, (len(row), 12)).astype(np.uint8)
    return _with(channel, row.astype(np.float64), tuple(bytes(word).decode() for word in words))


def late(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to half of the items come after ones that were made after them."""
    count = len(channel.items)
    hit = _some(count, 0.5 * severity, rng)
    arrival = np.arange(count, dtype=np.float64)
    arrival[hit] += 1.5 + rng.integers(1, max(2, count // 3), len(hit))
    order = np.argsort(arrival, kind="stable")
    return Channel(channel.times_s[order], tuple(channel.items[i] for i in order))


def broken(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to all images end in the middle."""
    return _changed(channel, {i: _bytes(channel.items[i])[:60] for i in _some(len(channel.items), severity, rng)})


def frozen(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """The camera sends one image again and again, for up to the whole recording."""
    held = _stretch(len(channel.items), severity, rng)
    return _changed(channel, dict.fromkeys(range(held.start, held.stop), channel.items[held.start]))


def covered(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Something before the lens: up to all images are nearly black."""
    dark = png(rng.integers(0, 6, (PIXELS, PIXELS)).astype(np.uint8))
    return _changed(channel, dict.fromkeys(_some(len(channel.items), severity, rng), dark))


def glare(channel: Channel, severity: float, rng: np.random.Generator) -> Channel:
    """Up to all images are brighter and flatter than any usual one."""
    flat = np.clip(220 + rng.integers(-10, 11, (PIXELS, PIXELS)), 0, 255)
    return _changed(channel, dict.fromkeys(_some(len(channel.items), severity, rng), png(flat.astype(np.uint8))))


FAULTS: Mapping[str, Mapping[str, Fault]] = MappingProxyType(
    {
        "valve": {
            "missing": missing,
            "not listed": unlisted,
            "flicker": flicker,
            "stuck": stuck,
            "swapped": swapped,
        },
        "log": {"silent": silent, "errors": errors, "chatter": chatter, "late": late},
        "camera": {
            "lost": missing,
            "broken": broken,
            "late": late,
            "frozen": frozen,
            "covered": covered,
            "glare": glare,
        },
    }
)
"""By channel and kind."""


def _changed(channel: Channel, items: Mapping[int, Item]) -> Channel:
    return Channel(channel.times_s, tuple(items.get(i, item) for i, item in enumerate(channel.items)))


def _with(channel: Channel, times_s: NDArray[np.float64], items: tuple[str, ...]) -> Channel:
    times, every = np.concatenate([channel.times_s, times_s]), (*channel.items, *items)
    order = np.argsort(times, kind="stable")
    return Channel(times[order], tuple(every[i] for i in order))


def _some(count: int, share: float, rng: np.random.Generator) -> list[int]:
    """At least one of so many, in order."""
    chosen = rng.choice(count, max(1, round(share * count)), replace=False)
    return sorted(int(i) for i in chosen)


def _stretch(count: int, share: float, rng: np.random.Generator) -> slice:
    """At least two in a row."""
    length = min(count, max(2, round(share * count)))
    first = int(rng.integers(0, count - length + 1))
    return slice(first, first + length)


def _bytes(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise TypeError(f"an image as bytes expected, found {type(item).__name__}")
    return item
