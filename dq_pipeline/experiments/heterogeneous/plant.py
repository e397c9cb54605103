"""A made-up plant that sends numbers, a valve's position, a recipe, lines of a log and small images.

Four sensors of 60 rows follow levels that remember the recording before. The valve stays where it is for twelve rows on
average, a recipe for five recordings. The flow follows both. Every tenth row brings a line of the log as a heartbeat,
and movements of the valve, warnings and errors are logged. Every fifteenth brings an image, whose brightness remembers
the recording before. What the plant yields depends on all of them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.signal import lfilter

from dq_pipeline.channels import Channel
from dq_pipeline.process import Process
from dq_pipeline.recording import Recording
from dq_pipeline.samples import SampleBatch

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROWS, BEAT, FRAME, PIXELS = 60, 10, 15, 12
SENSORS = ("flow", "pressure", "temperature", "level")
VALVE = ("closed", "open", "half", "fault")
RECIPES = ("a", "b", "c")
CHANNELS = ("valve", "recipe", "log", "camera")
DWELL, CAMPAIGN = 12, 5
START = np.datetime64("2026-01-01T00:00:00", "us")
_PERSISTENCE = {"levels": 0.3, "brightness": 0.5}


@dataclass(frozen=True, slots=True)
class Habits:
    """What a change of the plant may change.

    Attributes
    ----------
    valve, recipe
        Share of each category.
    warnings, errors
        Of the log, a row.
    brightness
        Usual grey level of the images, in [0, 1].
    """

    valve: tuple[float, ...] = (0.65, 0.31, 0.04, 0.0)
    recipe: tuple[float, ...] = (0.5, 0.3, 0.2)
    warnings: float = 0.02
    errors: float = 0.005
    brightness: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Hidden course of n recordings.

    Attributes
    ----------
    readings : (n, 60, 4)
    valve : (n, 60), recipe : (n,)
        Numbers of the categories.
    warned, erred : (n, 60)
        Whether the row brings such a line.
    brightness : (n,)
    images : (n, 4, 12, 12) uint8
    target : (n,)
    """

    readings: Floats
    valve: Integers
    recipe: Integers
    warned: NDArray[np.bool_]
    erred: NDArray[np.bool_]
    brightness: Floats
    images: NDArray[np.uint8]
    target: Floats

    def between(self, first: int, stop: int) -> Run:
        """The recordings first <= i < stop."""
        return Run(**{one.name: getattr(self, one.name)[first:stop] for one in fields(self)})


def process(channels: tuple[str, ...] = CHANNELS) -> Process:
    """The plant with some of its channels; its sensors are always there."""
    encoded = {
        "valve": {"encoder": "categories", "categories": VALVE},
        "recipe": {"encoder": "categories", "categories": RECIPES},
        "log": {"encoder": "log_lines", "every_rows": BEAT + 2},
        "camera": {"encoder": "image", "every_rows": FRAME},
    }
    return Process.model_validate(
        {
            "process": "plant",
            "title": "Made-up plant",
            "stream": {"topic": "plant.samples", "labels_topic": "plant.labels"},
            "sample": {"rows": ROWS, "period_s": 1, "horizon_rows": 50, "profile_rows": ROWS},
            "sensors": {name: {"unit": "1", "range": [-1000, 1000]} for name in SENSORS},
            "encoded": {name: encoded[name] for name in channels},
            "target": {"name": "yield", "column": "yield", "rows": [50, ROWS], "reduce": "mean"},
            "history": {},
        }
    )


def simulate(
    n: int, rng: np.random.Generator, habits: Habits | None = None, at: int = 0, then: Habits | None = None
) -> Run:
    """n recordings one after the other; from number `at` on with other habits.

    What the habits do not touch is drawn alike: two runs of one seed differ from `at` on alone, and in nothing else.
    """
    usual = habits or Habits()
    spans = ((usual, slice(0, at)), (then, slice(at, n))) if then is not None else ((usual, slice(0, n)),)
    levels = lfilter([1.0], [1.0, -_PERSISTENCE["levels"]], rng.standard_normal((n, 4)), axis=0)
    drawn = {name: rng.random((n, ROWS)) for name in ("moves", "valve", "warned", "erred")}
    begun = {name: rng.random(n) for name in ("moves", "recipe")}
    sway = lfilter([1.0], [1.0, -_PERSISTENCE["brightness"]], 0.04 * rng.standard_normal(n))
    noise = rng.standard_normal((n, ROWS, 4))
    grain = rng.integers(-30, 31, (n, ROWS // FRAME, PIXELS, PIXELS))
    valve, recipe = np.zeros((n, ROWS), np.int64), np.zeros(n, np.int64)
    warned, erred, brightness = np.zeros((n, ROWS), bool), np.zeros((n, ROWS), bool), np.zeros(n)
    for how, span in spans:
        valve[span] = _pick(drawn["valve"][span], how.valve)
        recipe[span] = _pick(begun["recipe"][span], how.recipe)
        warned[span], erred[span] = drawn["warned"][span] < how.warnings, drawn["erred"][span] < how.errors
        brightness[span] = how.brightness + sway[span]
    moves, changed = drawn["moves"] < 1.0 / DWELL, begun["moves"] < 1.0 / CAMPAIGN
    moves[:, 0] = changed[0] = True
    if then is not None and at < n:
        changed[at] = True
    valve = np.take_along_axis(valve, np.maximum.accumulate(np.where(moves, np.arange(ROWS), 0), axis=1), axis=1)
    recipe = recipe[np.maximum.accumulate(np.where(changed, np.arange(n), 0))]
    readings = _readings(levels, valve, recipe, noise)
    shade = np.linspace(-20, 20, PIXELS)[:, None]
    images = np.clip(255.0 * brightness[:, None, None, None] + shade + grain, 0, 255).astype(np.uint8)
    target = (
        np.array([0.0, 3.0, -2.0])[recipe]
        + 6.0 * (valve == 1).mean(axis=1)
        + levels[:, 0]
        + 30.0 * (brightness - 0.5)
        - 0.8 * erred.sum(axis=1)
        + 0.5 * rng.standard_normal(n)
    )
    return Run(readings, valve, recipe, warned, erred, brightness, images, target)


def recordings(run: Run, channels: tuple[str, ...] = CHANNELS, first: int = 0) -> list[Recording]:
    """As the plant sends them; numbers and ids begin at `first`."""
    made = {"valve": _valve, "recipe": _recipe, "log": _log, "camera": _camera}
    return [
        Recording(
            sample_id=f"{first + i:06d}",
            source="plant",
            start=START + (first + i) * np.timedelta64(60, "s"),
            sensors=SENSORS,
            values=run.readings[i],
            target=np.full(ROWS, run.target[i]),
            channels={name: made[name](run, i) for name in channels},
        )
        for i in range(len(run.recipe))
    ]


def narrowed(batch: SampleBatch, channels: tuple[str, ...]) -> SampleBatch:
    """The batch as the plant with these channels alone has it."""
    names = process(channels).sensor_names
    chosen = [batch.sensors.index(name) for name in names]
    return replace(batch, sensors=names, values=np.ascontiguousarray(batch.values[:, :, chosen]))


def _pick(drawn: Floats, share: tuple[float, ...]) -> Integers:
    return np.minimum(np.searchsorted(np.cumsum(share), drawn, side="right"), len(share) - 1)


def _readings(levels: Floats, valve: Integers, recipe: Integers, noise: Floats) -> Floats:
    opened = np.array([0.0, 1.0, 0.5, 0.0])[valve]
    flowing = lfilter([0.2], [1.0, -0.8], opened, axis=1)
    rising = np.linspace(0.0, 2.0, ROWS)
    flow = 10.0 * flowing + 1.5 * (recipe == 1)[:, None] + 0.6 * levels[:, [0]]
    pressure = 5.0 - 2.0 * flowing + 0.3 * levels[:, [1]]
    temperature = 60.0 + rising + levels[:, [2]]
    return np.stack([flow, pressure, temperature, 2.0 + 0.2 * levels[:, [3]] + 0.0 * rising], axis=2) + noise * (
        0.7,
        0.4,
        0.5,
        0.1,
    )


def _valve(run: Run, i: int) -> Channel:
    return Channel(np.arange(ROWS, dtype=np.float64), tuple(VALVE[k] for k in run.valve[i]))


def _recipe(run: Run, i: int) -> Channel:
    return Channel(np.arange(ROWS, dtype=np.float64), (RECIPES[run.recipe[i]],) * ROWS)


def _log(run: Run, i: int) -> Channel:
    valve, lines = run.valve[i], []
    for row in range(ROWS):
        if row % BEAT == 0:
            lines.append((row, f"cycle {row // BEAT} runs"))
        if row and valve[row] != valve[row - 1]:
            lines.append((row, f"valve moves to {VALVE[valve[row]]}"))
        if run.warned[i, row]:
            lines.append((row, f"WARN pressure {run.readings[i, row, 1]:.2f} near its limit"))
        if run.erred[i, row]:
            lines.append((row, f"ERROR dosing {row} retried"))
    times, items = zip(*lines, strict=True)
    return Channel(np.array(times, np.float64), tuple(items))


def _camera(run: Run, i: int) -> Channel:
    return Channel(np.arange(0.0, ROWS, FRAME), tuple(png(image) for image in run.images[i]))


def png(image: NDArray[np.uint8]) -> bytes:
    """Grey levels as a PNG."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()
