"""Label Studio's JSON of multi-channel time series: what was annotated.

https://labelstud.io/guide/task_format and https://labelstud.io/tags/timeseries say what the form is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from dq_pipeline.process import Process
from dq_pipeline.records import WHY_CHARACTERS, Action
from dq_pipeline.target import plausible
from dq_pipeline.wire.label_studio_form import (
    MOST_PROBLEMS,
    AnnotationForm,
    Person,
    Problem,
    ResultForm,
    TaskForm,
    not_finite,
    of_path,
    short,
)
from dq_pipeline.wire.numeric import is_number

MOST_TASKS = 10_000
STARS = 5
"""Of the rating that stands for confidence."""
ACTIONS = get_args(Action)
Form = TypeVar("Form", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one person said of one task.

    Attributes
    ----------
    who
        Empty where the file does not say.
    value
        In the target's unit, or the index of a class; None where none was given or it is not read.
    regions
        Marked spans: `start`, `end` and `labels`.
    """

    path: str
    who: str
    action: str
    value: float | None
    confidence: float | None
    why: str
    regions: tuple[Mapping[str, Any], ...]
    lead_time_s: float | None
    at: str | None
    ident: str

    @property
    def token(self) -> str:
        """Names the annotation as it is now: once edited it is another one."""
        said = [self.who, self.action, self.value, self.confidence, self.why, self.regions]
        return f"ls:{self.ident[:100]}:{hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Task:
    """One annotated sample: which it is, as far as the file says, and its annotations."""

    number: int
    path: str
    process: str | None
    sample_id: str | None
    review: int | None
    annotations: tuple[Annotation, ...] = ()


@dataclass(slots=True)
class Reader:
    """Reads tasks and collects everything that is wrong with them."""

    process: Process
    problems: list[Problem] = field(default_factory=list)
    _paths: set[str] = field(default_factory=set)

    def tasks(self, document: object) -> list[Task]:
        """All tasks that could be read; :attr:`problems` says what could not."""
        if isinstance(document, dict):
            document = [document]
        if not isinstance(document, list):
            self._say(None, "$", f"expected a list of tasks; found {short(document)}")
            return []
        if len(document) > MOST_TASKS:
            self._say(None, "$", f"expected at most {MOST_TASKS} tasks; found {len(document)}")
            return []
        found = [self._task(i, f"$[{i}]", entry) for i, entry in enumerate(document)]
        return [task for task in found if task is not None]

    def _task(self, number: int, path: str, entry: object) -> Task | None:
        for where in not_finite(entry, path):
            self._say(number, where, "expected a finite number; found NaN or infinity")
        form = self._formed(number, path, entry, TaskForm)
        listed = _listed(entry, "annotations")
        annotations = [self._annotation(number, f"{path}.annotations[{j}]", one) for j, one in enumerate(listed)]
        if form is None:
            return None
        return Task(
            number=number,
            path=path,
            process=self._named(number, path, form, "process", str),
            sample_id=self._named(number, path, form, "sample_id", str),
            review=self._named(number, path, form, "review", int),
            annotations=tuple(one for one in annotations if one is not None),
        )

    def _formed(self, number: int, path: str, entry: object, form: type[Form]) -> Form | None:
        """An entry of the outer form; what is wrong with it otherwise, with its place."""
        try:
            return form.model_validate(entry)
        except ValidationError as error:
            said: dict[str, list[str]] = {}
            for wrong in error.errors(include_url=False, include_context=False):
                parts = [part for part in wrong["loc"] if of_path(part)]
                where = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
                said.setdefault(where, [short(wrong["input"])]).append(wrong["msg"])
            for where, (found, *told) in said.items():
                self._say(number, where, f"{', or '.join(dict.fromkeys(told))}; found {found}")
            return None

    def _named(self, number: int, path: str, form: TaskForm, name: str, kind: type) -> Any:
        """What the task says of itself, in its data or its meta data."""
        values = {f"{path}.{part}.{name}": source[name] for part, source in
                  (("data", form.data), ("meta", form.meta or {})) if name in source}  # fmt: skip
        good = []
        for where, value in values.items():
            if not isinstance(value, kind) or isinstance(value, bool):
                self._say(number, where, f"expected {'a number' if kind is int else 'text'}; found {short(value)}")
            else:
                good.append(value)
        if len(set(good)) > 1:
            self._say(number, f"{path}.meta.{name}", f"expected that of data, {good[0]!r}; found {good[1]!r}")
        return good[0] if good else None

    def _annotation(self, number: int, path: str, entry: object) -> Annotation | None:
        form = self._formed(number, path, entry, AnnotationForm)
        found: dict[str, Any] = {}
        regions: list[Mapping[str, Any]] = []
        for j, one in enumerate(_listed(entry, "result")):
            result = self._formed(number, f"{path}.result[{j}]", one, ResultForm)
            if result is None:
                continue
            where = f"{path}.result[{j}].value"
            if result.type == "timeserieslabels" or "start" in result.value:
                regions.append(self._region(number, where, result))
                continue
            read = {"number": self._number, "choices": self._choices, "rating": self._rating, "textarea": self._text}
            if result.type not in read:
                kinds = "number, choices, rating, textarea or timeserieslabels"
                self._say(number, f"{path}.result[{j}].type", f"expected {kinds}; found {short(result.type)}")
                continue
            name, value = read[result.type](number, where, result)
            if name in found:
                self._say(number, where, f"expected one {name}; found another")
            found[name] = value
        if form is None:
            return None
        for name in ("created_at", "updated_at"):
            self._moment(number, f"{path}.{name}", getattr(form, name))
        action = found.get("action") or ("correct" if found.get("value") is not None else "skip")
        if form.was_cancelled:
            action = "skip"
        if action == "correct" and "value" not in found:
            self._say(number, f"{path}.result", "expected the right label beside `correct`; found none")
        if action == "reject" and not found.get("why"):
            self._say(number, f"{path}.result", "expected a reason (a textarea) beside `reject`; found none")
        return Annotation(
            path=path,
            who=_who(form.completed_by),
            action=action,
            value=found.get("value") if action == "correct" else None,
            confidence=found.get("confidence"),
            why=found.get("why", ""),
            regions=tuple(regions),
            lead_time_s=form.lead_time,
            at=form.updated_at or form.created_at,
            ident=str(form.unique_id or form.id or ""),
        )

    def _number(self, number: int, path: str, result: ResultForm) -> tuple[str, float | None]:
        value = result.value.get("number")
        if not is_number(value):
            self._say(number, f"{path}.number", f"expected a number; found {short(value)}")
            return "value", None
        if self.process.target.classes:
            self._say(number, f"{path}.number", f"expected a class, as choices; found {short(value)}")
        elif problem := plausible(self.process, value):
            self._say(number, f"{path}.number", problem)
        return "value", float(value)

    def _choices(self, number: int, path: str, result: ResultForm) -> tuple[str, Any]:
        chosen = result.value.get("choices")
        classes = self.process.target.classes
        if not isinstance(chosen, list) or len(chosen) != 1 or not isinstance(chosen[0], str):
            self._say(number, f"{path}.choices", f"expected one choice in a list; found {short(chosen)}")
            return result.from_name or "action", None
        if result.from_name == "class" or (result.from_name != "action" and chosen[0] in classes):
            if chosen[0] in classes:
                return "value", float(classes.index(chosen[0]))
            expected = ", ".join(classes) or "no class, for the target is a number"
            self._say(number, f"{path}.choices[0]", f"expected {expected}; found {short(chosen[0])}")
            return "value", None
        if chosen[0] not in ACTIONS:
            self._say(number, f"{path}.choices[0]", f"expected one of {', '.join((*ACTIONS, *classes))}; "
                      f"found {short(chosen[0])}")  # fmt: skip
            return "action", None
        return "action", chosen[0]

    def _rating(self, number: int, path: str, result: ResultForm) -> tuple[str, float | None]:
        value = result.value.get("rating")
        if not is_number(value) or not 0 <= value <= STARS:
            self._say(number, f"{path}.rating", f"expected 0 to {STARS}; found {short(value)}")
            return "confidence", None
        return "confidence", float(value) / STARS

    def _text(self, number: int, path: str, result: ResultForm) -> tuple[str, str]:
        value = result.value.get("text")
        lines = [value] if isinstance(value, str) else value
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            self._say(number, f"{path}.text", f"expected text; found {short(value)}")
            return "why", ""
        told = "\n".join(lines).strip()
        if len(told) > WHY_CHARACTERS:
            self._say(number, f"{path}.text", f"expected at most {WHY_CHARACTERS} characters; found {len(told)}")
        return "why", told[:WHY_CHARACTERS]

    def _region(self, number: int, path: str, result: ResultForm) -> Mapping[str, Any]:
        span: dict[str, Any] = {}
        last = self.process.sample.length_s
        for name in ("start", "end"):
            value = result.value.get(name)
            if not is_number(value) or not 0 <= value <= last:
                said = f"expected seconds from the start of the recording, 0 to {last:g}; found {short(value)}"
                self._say(number, f"{path}.{name}", said)
            else:
                span[name] = value
        if len(span) == 2 and span["start"] > span["end"]:
            self._say(number, f"{path}.end", f"expected {span['start']:g} or later; found {span['end']:g}")
        labels = result.value.get("timeserieslabels", [])
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            self._say(number, f"{path}.timeserieslabels", f"expected a list of labels; found {short(labels)}")
            labels = []
        return {**span, "labels": [label[:200] for label in labels]}

    def _moment(self, number: int, path: str, text: str | None) -> None:
        if text is None:
            return
        try:
            at = datetime.fromisoformat(text)
            (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self._say(number, path, f"expected a time as 2026-03-01T12:00:00Z; found {short(text)}")

    def _say(self, number: int | None, path: str, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS and path not in self._paths:  # the first thing said of a place stands
            self._paths.add(path)
            self.problems.append(Problem(number, path, problem))


def _listed(entry: object, name: str) -> list[object]:
    """What of a list can be looked at, whether its surroundings are as they should be or not."""
    found = entry.get(name) if isinstance(entry, dict) else None
    return found if isinstance(found, list) else []


def _who(person: object) -> str:
    if isinstance(person, Person):
        return person.email or ("" if person.id is None else f"label-studio:{person.id}")
    if isinstance(person, int):
        return f"label-studio:{person}"
    return person if isinstance(person, str) else ""
