"""Consistency rules over sensors: `TS1 >= TS4 - 5`, parsed without ever running a person's text."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

_OPPOSITE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.GtE: operator.lt, ast.Gt: operator.le, ast.LtE: operator.gt, ast.Lt: operator.ge}
)
"""What breaks a rule; of NaN no comparison is true, so a missing reading breaks none."""
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)
MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """One comparison between arithmetic expressions of sensors.

    Examples
    --------
    >>> rule = parse("inlet >= outlet - 5")
    >>> rule.sensors
    ('inlet', 'outlet')
    >>> rule.broken({"inlet": 1.0, "outlet": 10.0})
    True
    """

    text: str
    sensors: tuple[str, ...]
    _tree: ast.Compare

    def broken(self, columns: Mapping[str, Any]) -> Any:
        """Where the rule does not hold; `columns` maps a sensor to a number or an array.

        A missing reading (NaN) on either side breaks nothing.
        """
        left = _value(self._tree.left, columns)
        right = _value(self._tree.comparators[0], columns)
        return _OPPOSITE[type(self._tree.ops[0])](left, right)


def parse(text: str) -> Rule:
    """Parse one rule.

    Raises
    ------
    ValueError
        If the text is anything but one comparison of +, -, *, / over sensor names and numbers.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a rule of at most {MAX_LENGTH} characters expected, found {len(text)}")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not an expression: {error}") from None
    if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in _OPPOSITE):
        raise ValueError("one comparison with >=, >, <= or < expected")
    names: dict[str, None] = {}
    for side in (tree.left, tree.comparators[0]):
        _check(side, names)
    if not names:
        raise ValueError("a rule must name at least one sensor")
    return Rule(text, tuple(names), tree)


def _check(node: ast.expr, names: dict[str, None]) -> None:
    match node:
        case ast.Name(id=name):
            names[name] = None
        case ast.Constant(value=value) if type(value) in (int, float):
            pass
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _check(left, names)
            _check(right, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, names)
        case _:
            raise ValueError(f"only sensors, numbers, + - * / and brackets are allowed, found {ast.unparse(node)!r}")


def _value(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(operand=operand):
            return -_value(operand, columns)
        case _:
            raise AssertionError(ast.dump(node))
