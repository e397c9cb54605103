"""The outer form of Label Studio's JSON, and what can be wrong with it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

MOST_BYTES = 256_000_000
MOST_PROBLEMS = 1000
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file, and where."""

    task: int | None
    path: str
    problem: str


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Person(_Loose):
    id: StrictInt | StrictStr | None = None
    email: StrictStr | None = None


class ResultForm(_Loose):
    type: StrictStr
    value: dict[str, Any] = Field(default_factory=dict)
    from_name: StrictStr = ""


class AnnotationForm(_Loose):
    id: StrictInt | StrictStr | None = None
    unique_id: StrictStr | None = None
    completed_by: StrictInt | StrictStr | Person | None = None
    result: list[Any]
    was_cancelled: StrictBool = False
    lead_time: Annotated[float, Field(ge=0, strict=True)] | None = None
    created_at: StrictStr | None = None
    updated_at: StrictStr | None = None


class TaskForm(_Loose):
    data: dict[str, Any] = Field(default_factory=dict)
    meta: dict[str, Any] | None = None
    annotations: list[Any] = Field(default_factory=list)


_FIELDS = frozenset((*TaskForm.model_fields, *AnnotationForm.model_fields, *ResultForm.model_fields, "email"))


def parse(data: bytes) -> tuple[object, list[Problem]]:
    """A file's JSON; what is wrong with it as a whole."""
    if len(data) > MOST_BYTES:
        return None, [Problem(None, "$", f"expected at most {MOST_BYTES} bytes; found {len(data)}")]
    try:
        return json.loads(data.decode("utf-8-sig")), []
    except UnicodeDecodeError as error:
        return None, [Problem(None, "$", f"expected JSON in UTF-8; found {error}")]
    except json.JSONDecodeError as error:
        return None, [Problem(None, "$", f"expected JSON; found {error}")]
    except (RecursionError, ValueError) as error:  # thousands of brackets, or of digits
        return None, [Problem(None, "$", f"expected JSON of a readable depth and size; found {error}")]


def not_finite(entry: object, path: str) -> list[str]:
    """Where a document holds NaN or infinity, which JSON has none of but Python reads."""
    found: list[str] = []
    left = [(entry, path)]
    while left and len(found) < MOST_PROBLEMS:
        value, where = left.pop()
        if isinstance(value, float) and not math.isfinite(value):
            found.append(where)
        elif isinstance(value, dict):
            left.extend((inner, f"{where}.{str(name)[:_SHOWN]}") for name, inner in reversed(value.items()))
        elif isinstance(value, list):
            left.extend((value[i], f"{where}[{i}]") for i in reversed(range(len(value))))
    return found


def of_path(part: int | str) -> bool:
    """Whether it is of the document; Pydantic puts the names of alternatives between."""
    return isinstance(part, int) or part in _FIELDS


def short(value: object) -> str:
    """What was found, no longer than a person reads."""
    told = repr(value)
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."
