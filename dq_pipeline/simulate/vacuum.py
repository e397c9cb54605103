"""A simulated pump-down: twenty minutes of a steel degasser, from air to below a millibar.

A lumped model: the tank empties exponentially while the pumps see dense gas, then settles where the gas load (leaks,
argon blown through the melt, outgassing that dies away) equals what the pumps can take. Nothing here is a measured
plant; the shapes, couplings and magnitudes are those of mechanical and steam-ejector sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dq_pipeline.recording import Recording

Floats = NDArray[np.float64]

SENSORS = (
    "pressure",
    "foreline",
    "pump_current",
    "pump_speed",
    "pump_temperature",
    "cooling_in",
    "cooling_out",
    "steam_flow",
    "argon_flow",
    "melt_temperature",
)
TARGET_COLUMN = "lowest_pressure"
RECIPES: Mapping[str, float] = MappingProxyType({"deep": 180.0, "standard": 320.0, "alloy": 460.0})
"""Argon set point of each recipe, l/min."""

AIR_MBAR = 1013.0
AUTOCORRELATION = 0.3
DEFAULT_START = np.datetime64("2026-01-05T06:00:00", "us")
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class VacuumDrift:
    """A lasting change of the plant.

    Attributes
    ----------
    at
        Number of the first recording it acts on, counted as the ids are.
    kind
        "wear": the pumps lose speed at low pressure only, so that the early curve promises more than is reached, and
        run hotter; "leak": more air comes in.
    magnitude
        1 raises the lowest pressure by about half; may be any positive number.
    over
        Recordings over which it grows to its magnitude; 0: at once.
    """

    at: int
    kind: Literal["wear", "leak"] = "wear"
    magnitude: float = 1.0
    over: int = 0

    def strength(self, number: NDArray[np.int64]) -> Floats:
        """Magnitude in effect at each recording."""
        grown = (number - self.at + 1) / max(self.over, 1)
        return np.asarray(self.magnitude * np.clip(grown, 0.0, 1.0), np.float64)


@dataclass(frozen=True, slots=True)
class _Plant:
    """The state behind each recording, (n, 1) each: what no sensor shows directly."""

    argon: Floats
    leak: Floats
    wetness: Floats
    speed: Floats
    dense_speed: Floats
    steam: Floats
    water: Floats
    melt: Floats
    late: Floats
    wear: Floats = field(default_factory=lambda: np.zeros((1, 1)))

    def part(self, chosen: slice) -> _Plant:
        return _Plant(**{name: getattr(self, name)[chosen] for name in _Plant.__slots__})


def simulate(
    n: int,
    rng: np.random.Generator,
    *,
    start: np.datetime64 = DEFAULT_START,
    every_s: float = 3600.0,
    first: int = 0,
    rows: int = 1200,
    period_s: float = 1.0,
    drift: VacuumDrift | None = None,
    set_points: Mapping[str, float] = RECIPES,
) -> list[Recording]:
    """Pump-downs one after the other, each with the sensors and the target column of `dags/processes/vacuum.yaml`.

    Parameters
    ----------
    start
        Start of recording `first`, UTC; the others follow every `every_s`.
    first
        Number of the first recording; ids are `vacuum-000000` and on.
    set_points
        Argon flow of each recipe that is blown, l/min.

    Examples
    --------
    >>> one = simulate(1, np.random.default_rng(1))[0]
    >>> one.sample_id, one.values.shape, one.target.shape
    ('vacuum-000000', (1200, 10), (1200,))
    >>> bool(one.values[0, 0] > 2.9 and one.values[-1, 0] < 0.5)
    True
    """
    number = np.arange(first, first + n)
    recipes = rng.choice(list(set_points), n)
    argon = np.array([set_points[name] for name in recipes])[:, None]
    plant = _plant(number, argon, rng, drift)
    t = np.arange(rows, dtype=np.float64) * period_s
    starts = start.astype("datetime64[us]") + (np.arange(n) * every_s * 1e6).astype("timedelta64[us]")
    recordings: list[Recording] = []
    for lower in range(0, n, _CHUNK):
        chosen = slice(lower, min(lower + _CHUNK, n))
        values, truth = _curves(plant.part(chosen), t, rng)
        recordings.extend(
            Recording(
                sample_id=f"vacuum-{number[lower + i]:06d}",
                source="degasser-1",
                start=starts[lower + i],
                sensors=SENSORS,
                values=values[i],
                target=truth[i],
                metadata={"recipe": str(recipes[lower + i]), "shift": _shift(starts[lower + i])},
            )
            for i in range(chosen.stop - lower)
        )
    return recordings


def to_table(recordings: Sequence[Recording], period_s: float = 1.0, target_column: str = TARGET_COLUMN) -> pa.Table:
    """Recordings of the same sensors in long form, as history is kept: a row of the table is a row of one."""
    rows = [len(one.values) for one in recordings]
    times = [one.times_s if one.times_s is not None else np.arange(len(one.values)) * period_s for one in recordings]
    columns: dict[str, Any] = {
        "sample_id": np.repeat([one.sample_id for one in recordings], rows),
        "start": np.repeat(np.array([one.start for one in recordings], "datetime64[us]"), rows),
        "t_s": np.concatenate(times),
    }
    values = np.concatenate([one.values for one in recordings])
    columns |= {name: values[:, j] for j, name in enumerate(recordings[0].sensors)}
    if all(one.target is not None for one in recordings):
        columns[target_column] = np.concatenate([one.target for one in recordings if one.target is not None])
    for name in recordings[0].metadata:
        columns[name] = np.repeat([one.metadata.get(name, "") for one in recordings], rows)
    return pa.table(columns)


def _plant(number: NDArray[np.int64], argon: Floats, rng: np.random.Generator, drift: VacuumDrift | None) -> _Plant:
    n = len(number)
    z = _autocorrelated(n, 8, rng)
    strength = drift.strength(number)[:, None] if drift is not None else np.zeros((n, 1))
    wear = strength if drift is not None and drift.kind == "wear" else np.zeros((n, 1))
    leaking = strength if drift is not None and drift.kind == "leak" else np.zeros((n, 1))
    condition = 0.10 * z[:, 0]
    steam = 9000.0 * (1.0 + 0.03 * z[:, 1])
    return _Plant(
        argon=argon,
        leak=0.35 * np.exp(0.4 * z[:, 2]) + 0.45 * leaking,
        wetness=0.9 * np.exp(0.12 * z[:, 3] + 0.15 * z[:, 4]),
        speed=np.exp(condition) * (steam / 9000.0) * 10.0 ** (-0.18 * wear),
        dense_speed=np.exp(0.7 * condition + 0.012 * z[:, 5]),
        steam=steam,
        water=19.0 + 2.5 * z[:, 6],
        melt=1625.0 + 14.0 * z[:, 4],
        late=0.04 * z[:, 7],
        wear=wear,
    )


def _autocorrelated(n: int, states: int, rng: np.random.Generator) -> Floats:
    """(n, states, 1) standard normal, each a first-order autoregression."""
    z = rng.standard_normal((n, states, 1))
    fresh = np.sqrt(1.0 - AUTOCORRELATION**2)
    for i in range(1, n):
        z[i] = AUTOCORRELATION * z[i - 1] + fresh * z[i]
    return z


def _curves(plant: _Plant, t: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Readings (n, rows, sensors) and the true pressure (n, rows), log10 mbar."""
    n, rows = len(plant.leak), len(t)
    emptying = AIR_MBAR * np.exp(-t / 19.0 * plant.dense_speed)
    blown = 0.0014 * plant.argon * (1.0 - np.exp(-t / 20.0))
    outgassing = plant.wetness * np.exp(-t / 190.0)
    load = plant.leak + blown + outgassing
    upset = np.exp(plant.late * np.clip((t - 300.0) / 300.0, 0.0, 1.0))
    truth = np.log10(emptying + upset * load / plant.speed)
    throughput = np.log10(load)
    dense = emptying / AIR_MBAR
    warm = 1.0 - np.exp(-t / 420.0)
    current = 190.0 + 70.0 * dense + 22.0 * throughput + 14.0 * plant.wear - 60.0 * np.log(plant.dense_speed)
    temperature = 48.0 + 0.8 * (plant.water - 19.0) + warm * (0.11 * current + 4.0 * plant.wear)
    stage = 0.55 + 0.25 / (1.0 + np.exp(-(t - 45.0) / 4.0)) + 0.20 / (1.0 + np.exp(-(t - 95.0) / 4.0))
    backing = np.log10(AIR_MBAR * dense + 55.0 * 10.0 ** (0.5 * throughput))
    values = np.empty((n, rows, len(SENSORS)))
    noise = rng.standard_normal(values.shape)
    columns: tuple[tuple[Floats, float], ...] = (
        (truth, 0.012),
        (np.maximum(backing, truth + 0.02), 0.010),
        (current, 2.5),
        (3000.0 * (1.0 - np.exp(-(t + 8.0) / 9.0)) - 45.0 * throughput - 25.0 * plant.wear, 12.0),
        (temperature, 0.35),
        (plant.water + 0.3 * np.sin(t / 240.0), 0.10),
        (plant.water + 2.0 + warm * 0.035 * current, 0.12),
        (plant.steam * stage, 55.0),
        (plant.argon * (1.0 - np.exp(-(t + 3.0) / 12.0)), 5.0),
        (plant.melt - 0.026 * t, 1.2),
    )
    for j, (curve, sd) in enumerate(columns):
        values[:, :, j] = curve + sd * noise[:, :, j]
    return values, truth


def _shift(start: np.datetime64) -> str:
    hour = int((start - start.astype("datetime64[D]")) / np.timedelta64(1, "h"))
    return ("night", "early", "late")[0 if hour < 6 or hour >= 22 else 1 if hour < 14 else 2]
