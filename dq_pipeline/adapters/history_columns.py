"""Columns of a history's Arrow table as arrays: numbers, moments in UTC, classes, identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dq_pipeline.errors import ConfigurationError

MIN_ID_DIGITS = 6


def numbers(table: pa.Table, name: str, classes: Sequence[str] = ()) -> NDArray[np.float64]:
    """A column as float64, missing as NaN; names of classes as their indices.

    Raises
    ------
    ConfigurationError
        If the column holds no numbers.
    """
    column, kind = table[name], table[name].type
    if is_text(kind) and classes:
        index = {text: float(i) for i, text in enumerate(classes)}
        return np.array([index.get(text, np.nan) for text in column.to_pylist()], np.float64)
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    if not (number or pa.types.is_null(kind)):
        raise ConfigurationError(f"history: expected numbers in column {name}; found {kind}")
    return np.array(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)


def moments(table: pa.Table, name: str, zone: str) -> NDArray[np.datetime64] | None:
    """A column as datetime64[us] in UTC, naive times taken in `zone`; None if it holds numbers.

    Raises
    ------
    ConfigurationError
        If it holds neither times nor numbers, or misses some.
    """
    column, kind = table[name], table[name].type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return None
    try:
        if is_text(kind):
            column = column.cast(pa.timestamp("us"))
        if not pa.types.is_timestamp(column.type):
            raise pa.ArrowInvalid(str(kind))
        if column.type.tz is None:
            column = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="earliest")
    except (pa.ArrowException, ValueError) as error:
        found = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"history: expected times in column {name}; found {found}") from None
    if column.null_count:
        raise ConfigurationError(f"history: expected a time in each row of {name}; found {column.null_count} without")
    ticks = column.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64()).to_numpy()
    return np.asarray(ticks).astype("datetime64[us]")


def identifiers(raw: Sequence[Any]) -> list[str]:
    """Ids as text; whole numbers padded with zeros, so that their order as text is theirs as numbers.

    Examples
    --------
    >>> identifiers([7, 12])
    ['000007', '000012']
    >>> identifiers(["b", "a"])
    ['b', 'a']
    """
    if all(isinstance(value, int | float) and float(value).is_integer() for value in raw):
        whole = [int(value) for value in raw]
        digits = max([MIN_ID_DIGITS, *(len(str(value)) for value in whole)])
        return [f"{value:0{digits}d}" for value in whole]
    return [str(value) for value in raw]


def is_text(kind: Any) -> bool:
    """Whether an Arrow type holds text, dictionary-encoded or not."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
