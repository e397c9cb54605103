"""Numbers from a message, alone or in lists that become arrays; text and truth values are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.errors import SampleError
from dq_pipeline.wire.envelope import short

_NUMBERS = frozenset((float, int, type(None)))
_LARGEST = 1e300


def is_number(value: object) -> TypeGuard[float]:
    """A finite number, and no truth value.

    JSON has integers of any length, and `math.isfinite` fails on what no float holds; a comparison does not.

    Examples
    --------
    >>> is_number(0.5), is_number(10**400), is_number(float("nan")), is_number(True), is_number("1")
    (True, False, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def column(values: Any, key: str, rows: int, ident: str) -> NDArray[np.float64]:
    """A list of so many numbers; null is NaN.

    Raises
    ------
    SampleError
        Reason "schema", "columns" or "not_numeric".
    """
    if type(values) is not list:
        raise SampleError("schema", f"{key}: expected a list of numbers; found {short(values)}", ident)
    if len(values) != rows:
        raise SampleError("columns", f"{key}: expected {rows} entries, one a row; found {len(values)}", ident)
    only_numbers(values, key, ident)
    return array(values, key, ident)


def only_numbers(values: Iterable[Any], key: str, ident: str) -> None:
    """Refuse text and truth values, which NumPy would read as numbers."""
    kinds = set(map(type, values)) - _NUMBERS
    if kinds:
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise SampleError("not_numeric", f"{key}: expected numbers or null; found {found}", ident)


def array(values: Sequence[Any], key: str, ident: str) -> NDArray[np.float64]:
    """Numbers, or rows of numbers, as float64."""
    try:
        return np.array(values, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise SampleError("not_numeric", f"{key}: expected numbers; found {error}", ident) from None
