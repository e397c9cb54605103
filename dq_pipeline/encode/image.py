"""Small images: brightness, contrast, sharpness, and whether anything changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from dq_pipeline.encode.encoder import DELAY, Column, Encoder, Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Image(Encoder):
    """Figures of each PNG image, as grey levels in [0, 1].

    `brightness` and `contrast` are their mean and standard deviation, `sharpness` is the mean difference between
    neighbours, `dark` and `bright` are shares of pixels below 2 % and above 98 %, and `repeated` is 1 if the image
    before was the same, pixel by pixel: a camera that hangs violates its range. An image that is no PNG, is broken or
    has more than `max_pixels` is missing.
    """

    every_rows: int | None = Field(1, ge=1, le=1_000_000)
    max_pixels: int = Field(262_144, ge=1, le=4_194_304)

    @property
    def columns(self) -> tuple[Column, ...]:
        measures = ("brightness", "contrast", "sharpness", "dark", "bright")
        return (*(Column(name, "1", (0.0, 1.0)) for name in measures), Column("repeated", "1", (0.0, 0.5)), DELAY)

    def measure(self, items: Sequence[Item]) -> NDArray[np.float64]:
        from dq_pipeline.encode.pixels import measure

        return measure(items, self.max_pixels)
