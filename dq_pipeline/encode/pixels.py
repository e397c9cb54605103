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

MOST_PIXELS = 16 * 1024 * 1024
"""Of all images of a recording together, that are unpacked."""
_GREY = np.arange(256)
_DARK, _BRIGHT = 0.02 * 255, 0.98 * 255
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
        grey = read(image)
        if grey is None:
            continue
        found[i, :5] = figures(grey)
        found[i, 5] = before is not None and np.array_equal(before, grey)
        before = grey
    return found


def size_of(image: bytes) -> int:
    """Pixels that a PNG says it has, without unpacking it; 0 if it is none."""
    if len(image) < 33 or not image.startswith(_HEAD):
        return 0
    width, height = struct.unpack_from(">II", image, len(_HEAD))
    return int(width) * int(height)


def read(image: bytes) -> NDArray[np.uint8] | None:
    """Grey levels of a PNG whose size was looked at before, (height, width); None if it cannot be read."""
    try:
        with Image.open(BytesIO(image), formats=["PNG"]) as opened:
            if opened.mode.startswith("I"):  # 16 bits, which conversion would cut off at 255
                return (np.asarray(opened) >> 8).astype(np.uint8)
            coloured = opened.convert("RGBA") if opened.mode == "P" else opened
            return np.asarray(coloured.convert("L"))
    except _BROKEN:
        return None


def figures(grey: NDArray[np.uint8]) -> tuple[float, float, float, float, float]:
    """Brightness, contrast, sharpness, and shares of dark and bright pixels.

    Examples
    --------
    >>> figures(np.array([[0, 255], [0, 255]], np.uint8))
    (0.5, 0.5, 0.5, 0.5, 0.5)
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    brightness = int(counts @ _GREY) / (255 * grey.size)  # whole numbers up to here: a share never exceeds 1
    contrast = float(np.sqrt(counts @ (_GREY / 255 - brightness) ** 2 / grey.size))
    steps = [np.abs(np.diff(grey.astype(np.int16), axis=axis)) for axis in (0, 1)]
    neighbours = sum(step.size for step in steps)
    sharpness = sum(int(step.sum(dtype=np.int64)) for step in steps) / (255 * max(neighbours, 1))
    dark, bright = (int(counts[chosen].sum()) / grey.size for chosen in (_GREY < _DARK, _GREY > _BRIGHT))
    return brightness, contrast, sharpness, dark, bright


def _bytes(item: str | bytes) -> bytes:
    if isinstance(item, bytes):
        return item
    try:
        return base64.b64decode(item, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SampleError("schema", f"expected an image in base64; found {error}") from None
