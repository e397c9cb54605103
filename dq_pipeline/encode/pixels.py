"""Images of a stream as figures. They are hostile: nothing is unpacked before its size is known."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dq_pipeline.encode.encoder import Item
from dq_pipeline.errors import SampleError

Floats = NDArray[np.float64]

MOST_PIXELS = 64 * 1024 * 1024
"""Of all images of a recording together, that are unpacked."""
_DARK, _BRIGHT = 0.02, 0.98
_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_BROKEN = (OSError, ValueError, SyntaxError, OverflowError, MemoryError, EOFError, struct.error, zlib.error)


def measure(items: Sequence[Item], max_pixels: int) -> Floats:
    """Brightness, contrast, sharpness, dark and bright shares and repetition of each image, (n, 6); see `Image`.

    Raises
    ------
    SampleError
        Reason "schema": text that is no base64. Reason "too_large": more than :data:`MOST_PIXELS` in all.
    """
    found = np.full((len(items), 6), np.nan)
    pixels, before = 0, None
    for i, item in enumerate(items):
        image = None if item is None else _bytes(item)
        size = 0 if image is None else size_of(image)
        if image is None or not 0 < size <= max_pixels:
            continue
        pixels += size
        if pixels > MOST_PIXELS:
            raise SampleError("too_large", f"expected images of at most {MOST_PIXELS} pixels in all; found more")
        level = read(image)
        if level is None:
            continue
        found[i, :5] = figures(level)
        found[i, 5] = before is not None and np.array_equal(before, level)
        before = level
    return found


def size_of(image: bytes) -> int:
    """Pixels that a PNG says it has, without unpacking it; 0 if it is none."""
    if len(image) < 33 or not image.startswith(_HEAD):
        return 0
    width, height = struct.unpack_from(">II", image, len(_HEAD))
    return int(width) * int(height)


def read(image: bytes) -> Floats | None:
    """Grey levels of a PNG whose size was looked at before, (height, width) in [0, 1]; None if it cannot be read."""
    try:
        with Image.open(BytesIO(image), formats=["PNG"]) as opened:
            if opened.mode.startswith("I"):  # 16 bits, which conversion would cut off at 255
                return np.asarray(np.asarray(opened) / 65535.0, np.float64)
            coloured = opened.convert("RGBA") if opened.mode == "P" else opened
            return np.asarray(np.asarray(coloured.convert("L")) / 255.0, np.float64)
    except _BROKEN:
        return None


def figures(level: Floats) -> tuple[float, float, float, float, float]:
    """Brightness, contrast, sharpness, and shares of dark and bright pixels.

    Examples
    --------
    >>> figures(np.array([[0.0, 1.0], [0.0, 1.0]]))
    (0.5, 0.5, 0.5, 0.5, 0.5)
    """
    steps = np.concatenate([np.abs(np.diff(level, axis=axis)).ravel() for axis in (0, 1)])
    sharpness = float(steps.mean()) if steps.size else 0.0
    shares = float((level < _DARK).mean()), float((level > _BRIGHT).mean())
    return float(level.mean()), float(level.std()), sharpness, *shares


def _bytes(item: str | bytes) -> bytes:
    if isinstance(item, bytes):
        return item
    try:
        return base64.b64decode(item, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SampleError("schema", f"expected an image in base64; found {error}") from None
