"""Units a sensor may be given in, and the exact conversions between them."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of measure: ``si = value * factor + offset`` in the SI unit of its dimension (logs: log10(mbar))."""

    dimension: str
    factor: float
    offset: float = 0.0


UNITS = MappingProxyType(
    {
        "1": Unit("dimensionless", 1.0),
        "%": Unit("dimensionless", 0.01),
        "Pa": Unit("pressure", 1.0),
        "hPa": Unit("pressure", 1e2),
        "kPa": Unit("pressure", 1e3),
        "MPa": Unit("pressure", 1e6),
        "mbar": Unit("pressure", 1e2),
        "bar": Unit("pressure", 1e5),
        "Torr": Unit("pressure", 101325.0 / 760.0),
        "psi": Unit("pressure", 6894.757293168),
        "log10(mbar)": Unit("log pressure", 1.0),
        "log10(Pa)": Unit("log pressure", 1.0, -2.0),
        "log10(bar)": Unit("log pressure", 1.0, 3.0),
        "log10(Torr)": Unit("log pressure", 1.0, math.log10(101325.0 / 760.0) - 2.0),
        "K": Unit("temperature", 1.0),
        "degC": Unit("temperature", 1.0, 273.15),
        "degF": Unit("temperature", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
        "l/min": Unit("volume flow", 1e-3 / 60.0),
        "l/s": Unit("volume flow", 1e-3),
        "m3/h": Unit("volume flow", 1.0 / 3600.0),
        "m3/s": Unit("volume flow", 1.0),
        "kg/s": Unit("mass flow", 1.0),
        "kg/h": Unit("mass flow", 1.0 / 3600.0),
        "W": Unit("power", 1.0),
        "kW": Unit("power", 1e3),
        "MW": Unit("power", 1e6),
        "A": Unit("current", 1.0),
        "mA": Unit("current", 1e-3),
        "V": Unit("voltage", 1.0),
        "mV": Unit("voltage", 1e-3),
        "Hz": Unit("frequency", 1.0),
        "rpm": Unit("frequency", 1.0 / 60.0),
        "mm/s": Unit("velocity", 1e-3),
        "m/s": Unit("velocity", 1.0),
        "m/s2": Unit("acceleration", 1.0),
        "g": Unit("acceleration", 9.80665),
        "mm": Unit("length", 1e-3),
        "m": Unit("length", 1.0),
        "N": Unit("force", 1.0),
        "kN": Unit("force", 1e3),
        "Nm": Unit("torque", 1.0),
        "s": Unit("time", 1.0),
        "min": Unit("time", 60.0),
        "h": Unit("time", 3600.0),
        "kg": Unit("mass", 1.0),
        "t": Unit("mass", 1e3),
    }
)


def conversion(given: str, wanted: str) -> tuple[float, float]:
    """Gain and offset that turn a value in `given` into `wanted`: ``wanted = gain * value + offset``.

    Raises
    ------
    KeyError
        If either unit is unknown.
    ValueError
        If the two measure different things.

    Examples
    --------
    >>> gain, offset = conversion("degC", "K")
    >>> 20 * gain + offset
    293.15
    """
    a, b = UNITS[given], UNITS[wanted]
    if a.dimension != b.dimension:
        raise ValueError(f"{given} is a {a.dimension}, {wanted} a {b.dimension}")
    return a.factor / b.factor, (a.offset - b.offset) / b.factor
