"""Which of a sample's targets counts, and which of its labels contradict each other.

A reviewer comes first, then the newest label whichever way it came, then what was derived from the completed recording.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from dq_pipeline.records.samples import TargetRow

REVIEW, COMPLETION = "review", "completion"
"""Origins that count before, and after, all labels."""

FEWEST_DIGITS = 3
"""A number of fewer significant digits is taken at its word, and not as another one rounded."""


def rank(origin: str) -> int:
    """0 for a reviewer, 1 for a label, 2 for what was derived: the least counts."""
    return {REVIEW: 0, COMPLETION: 2}.get(origin, 1)


def counting(rows: Sequence[TargetRow]) -> TargetRow | None:
    """The target that counts, of one sample's in the order they came; of a conflict still the newest.

    Examples
    --------
    >>> derived, label = TargetRow("a", 1.0, "completion"), TargetRow("a", 2.0, "labels")
    >>> counting([label, derived]).value
    2.0
    """
    return min(reversed(rows), key=lambda row: rank(row.origin), default=None)


def conflicting(rows: Sequence[TargetRow]) -> tuple[TargetRow, ...]:
    """The labels of one sample that contradict each other, in the order they came; empty where none do.

    A later label of the same annotator is a correction and takes the place of the earlier one. Labels without an
    annotator correct nobody. A review settles what came before it; afterwards only a value that had not been said
    before counts, against the reviewer's and against others that came since.

    Parameters
    ----------
    rows
        All targets of the sample in the order they came.

    Examples
    --------
    >>> anna, bert = TargetRow("a", 1.0, "labels", "anna"), TargetRow("a", 2.0, "file", "bert")
    >>> [row.annotator for row in conflicting([anna, bert])]
    ['anna', 'bert']
    >>> conflicting([anna, bert, TargetRow("a", 1.0, "file", "bert")])
    ()
    >>> conflicting([anna, bert, TargetRow("a", 2.0, "review", "cleo")])
    ()
    """
    last = max((i for i, row in enumerate(rows) if row.origin == REVIEW), default=-1)
    known = rows[: last + 1]
    standing: list[TargetRow] = list(rows[last : last + 1]) if last >= 0 else []
    for row in rows[last + 1 :]:
        if rank(row.origin) != 1:
            continue
        if row.annotator:
            standing = [one for one in standing if one.origin == REVIEW or one.annotator != row.annotator]
        if not any(agree(row.value, one.value) for one in known):
            standing.append(row)
    apart = any(not agree(one.value, other.value) for i, one in enumerate(standing) for other in standing[:i])
    return tuple(standing) if apart else ()


def agree(a: float, b: float) -> bool:
    """Whether two values are one, but for rounding.

    They are where they differ by no more than single precision, or where one is the other rounded to its own digits,
    :data:`FEWEST_DIGITS` at least. Indices of classes are the same or not.

    Examples
    --------
    >>> agree(1.23, 1.2344), agree(1.23, 1.2361), agree(0.0, 0.04), agree(1.0, 2.0)
    (True, False, False, False)
    """
    if math.isclose(a, b, rel_tol=1e-6):
        return True
    one, other = Decimal(repr(float(a))).normalize(), Decimal(repr(float(b))).normalize()
    place, digits = max((int(x.as_tuple().exponent), len(x.as_tuple().digits)) for x in (one, other))
    return digits >= FEWEST_DIGITS and abs(one - other) * 2 <= Decimal(1).scaleb(place)
