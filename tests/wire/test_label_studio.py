from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.process import Process
from dq_pipeline.wire.label_studio import Reader, Task
from dq_pipeline.wire.label_studio_form import MOST_BYTES, parse
from dq_pipeline.wire.label_studio_tasks import configuration, task_of

FILES = Path(__file__).parent / "label_studio"


def process(**changes: Any) -> Process:
    sections: dict[str, Any] = {
        "process": "pump",
        "title": "A small pump",
        "stream": {"topic": "p.samples", "labels_topic": "p.labels"},
        "sample": {"rows": 100, "period_s": 1, "horizon_rows": 20, "profile_rows": 100},
        "sensors": {"flow": {"unit": "l/min", "range": [0, 100]}, "time": {"unit": "s", "range": [0, 9]}},
        "target": {"name": "yield_rate", "unit": "bar", "column": "flow"},
        "history": {"uri": "x.parquet"},
    }
    return Process.model_validate(sections | changes)


CLASSES = {"name": "valve", "task": "classification", "column": "c", "classes": ["open", "shut"]}


@dataclass
class Read:
    tasks: list[Task]
    problems: dict[str, str]


def read(document: object, **changes: Any) -> Read:
    reader = Reader(process(**changes))
    tasks = reader.tasks(document)
    return Read(tasks, {problem.path: problem.problem for problem in reader.problems})


def file(name: str) -> Any:
    return json.loads((FILES / name).read_text())


def test_an_export_with_every_kind_of_result_is_read() -> None:
    found = read(file("annotated.json"))
    assert found.problems == {}
    (task,) = found.tasks
    assert (task.process, task.sample_id, task.review) == ("PROCESS", "SAMPLE", 0)
    anna, other = task.annotations
    assert (anna.who, anna.action, anna.value, anna.confidence) == ("anna@plant.example", "correct", 5.25, 0.8)
    assert (anna.why, anna.lead_time_s) == ("read off the chart\ntwice", 41.5)
    assert anna.regions == ({"start": 3, "end": 9.5, "labels": ["Unusual"]},)
    assert (other.who, other.action) == ("label-studio:2", "skip")
    assert anna.token.startswith("ls:5f0e6a3c-1b9a-4e62-8a86-2f2f4d8d9a11:")


def test_files_of_the_tools_own_repository_are_read() -> None:
    found = read(file("timeseries_single.json"))
    assert found.problems == {}
    (annotation,) = found.tasks[0].annotations
    assert (annotation.action, annotation.who) == ("skip", "")
    assert [(one["start"], one["end"], one["labels"]) for one in annotation.regions] == [
        (4, 23, ["Run"]),
        (52, 69, ["Walk"]),
    ]
    elsewhere = read(file("timeseries.json"))
    assert [path for path in elsewhere.problems if not path.startswith("$[0].annotations[0].result")] == []
    assert len(elsewhere.problems) == 4, "its times are of another clock"


def annotated(**changes: Any) -> list[Any]:
    """A task with one annotation, whose parts are changed."""
    results = changes.pop("result", [{"type": "number", "from_name": "value", "value": {"number": 5.0}}])
    annotation = {"id": 1, "unique_id": "u1", "completed_by": "anna", "result": results, **changes}
    return [{"data": {"sample_id": "s1"}, "annotations": [annotation]}]


AT = "$[0].annotations[0]"


def result(kind: str, name: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "from_name": name, "to_name": "ts", "value": {kind if kind != "textarea" else "text": value}}


SPAN = {"type": "timeserieslabels", "from_name": "label"}


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ("tasks", "$", "expected a list of tasks"),
        ([7], "$[0]", "found 7"),
        ([{"annotations": {}}], "$[0].annotations", "valid list"),
        ([{"data": {"sample_id": 7}}], "$[0].data.sample_id", "expected text; found 7"),
        ([{"data": {"review": "7"}}], "$[0].data.review", "expected a number; found '7'"),
        (
            [{"data": {"sample_id": "a"}, "meta": {"sample_id": "b"}}],
            "$[0].meta.sample_id",
            "expected that of data, 'a'",
        ),
        (annotated(result=None), f"{AT}.result", "valid list"),
        (annotated(result=[{"value": {}}]), f"{AT}.result[0].type", "required"),
        (annotated(result=[{"type": "brush", "value": {}}]), f"{AT}.result[0].type", "found 'brush'"),
        (annotated(was_cancelled="no"), f"{AT}.was_cancelled", "valid boolean"),
        (annotated(lead_time=-1), f"{AT}.lead_time", "greater than or equal to 0"),
        (annotated(lead_time=float("nan")), f"{AT}.lead_time", "NaN"),
        (annotated(completed_by=[1]), f"{AT}.completed_by", "found [1]"),
        (annotated(updated_at="0NaN-NaN-NaN NaN:NaN:NaN"), f"{AT}.updated_at", "expected a time"),
        (annotated(updated_at=7), f"{AT}.updated_at", "valid string"),
        (annotated(result=[result("number", "value", "5")]), f"{AT}.result[0].value.number", "expected a number"),
        (annotated(result=[result("number", "value", True)]), f"{AT}.result[0].value.number", "found True"),
        (
            annotated(result=[result("number", "value", float("inf"))]),
            f"{AT}.result[0].value.number",
            "NaN or infinity",
        ),
        (annotated(result=[result("number", "value", 10**400)]), f"{AT}.result[0].value.number", "expected a number"),
        (annotated(result=[result("number", "value", 5.0)] * 2), f"{AT}.result[1].value", "expected one value"),
        (annotated(result=[result("choices", "action", ["burn"])]), f"{AT}.result[0].value.choices[0]", "found 'burn'"),
        (annotated(result=[result("choices", "action", [])]), f"{AT}.result[0].value.choices", "expected one choice"),
        (annotated(result=[result("choices", "class", ["open"])]), f"{AT}.result[0].value.choices[0]", "is a number"),
        (annotated(result=[result("choices", "action", ["correct"])]), f"{AT}.result", "expected the right label"),
        (annotated(result=[result("choices", "action", ["reject"])]), f"{AT}.result", "expected a reason"),
        (annotated(result=[result("rating", "confidence", 9)]), f"{AT}.result[0].value.rating", "expected 0 to 5"),
        (annotated(result=[result("textarea", "why", [7])]), f"{AT}.result[0].value.text", "expected text"),
        (annotated(result=[result("textarea", "why", ["x" * 2001])]), f"{AT}.result[0].value.text", "found 2001"),
        (
            annotated(result=[{**SPAN, "value": {"start": "0NaN-NaN-NaN NaN:NaN:NaN", "end": 3}}]),
            f"{AT}.result[0].value.start",
            "expected seconds",
        ),
        (annotated(result=[{**SPAN, "value": {"start": 9, "end": 3}}]), f"{AT}.result[0].value.end", "9 or later"),
        (annotated(result=[{**SPAN, "value": {"start": 9, "end": 101}}]), f"{AT}.result[0].value.end", "0 to 100"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: object, path: str, said: str) -> None:
    found = read(document)
    assert path in found.problems, found.problems
    assert said in found.problems[path]


def test_every_problem_is_told_at_once() -> None:
    document = annotated(result=[result("rating", "confidence", 9), result("choices", "action", ["burn"])])
    document += [{"data": [], "annotations": [{"result": 1}]}, {"data": {"sample_id": 3}}]
    paths = set(read(document).problems)
    assert len(paths) == 5
    assert {"$[1].data", "$[1].annotations[0].result", "$[2].data.sample_id"} < paths


def test_classes_are_chosen_by_name() -> None:
    chosen = annotated(result=[result("choices", "class", ["shut"]), result("choices", "action", ["correct"])])
    found = read(chosen, target=CLASSES)
    assert (found.problems, found.tasks[0].annotations[0].value) == ({}, 1.0)
    unknown = read(annotated(result=[result("choices", "class", ["ajar"])]), target=CLASSES)
    assert "expected open, shut; found 'ajar'" in unknown.problems[f"{AT}.result[0].value.choices[0]"]
    number = read(annotated(), target=CLASSES)
    assert "expected a class" in number.problems[f"{AT}.result[0].value.number"]


def test_a_number_beside_another_action_is_what_the_tool_filled_in() -> None:
    both = [result("number", "value", 5.0), result("choices", "action", ["accept"])]
    (annotation,) = read(annotated(result=both)).tasks[0].annotations
    assert (annotation.action, annotation.value) == ("accept", None)


def test_an_annotation_that_was_edited_is_another_one() -> None:
    tokens = []
    for value in (5.0, 5.0, 6.0):
        (one,) = read(annotated(result=[result("number", "value", value)])).tasks[0].annotations
        tokens.append(one.token)
    assert tokens[0] == tokens[1] != tokens[2]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "expected JSON; found"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "depth"),
        (b"[" + b"9" * 5000 + b"]", "size"),
        (b"", "expected JSON"),
    ],
)
def test_what_is_no_json_is_refused_whole(data: bytes, said: str) -> None:
    document, (problem,) = parse(data)
    assert (document, problem.path) == (None, "$")
    assert said in problem.problem


def test_an_oversized_file_or_too_many_tasks_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_BYTES > 1_000_000
    monkeypatch.setattr("dq_pipeline.wire.label_studio_form.MOST_BYTES", 10)
    assert "at most 10 bytes; found 11" in parse(b"[" + b" " * 10)[1][0].problem
    assert "at most 10000 tasks" in read([{}] * 10_001).problems["$"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "meta", "annotations", "result", "value", "type", "number", "review", "start"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_nothing_that_a_file_holds_makes_the_reader_fail(document: Any) -> None:
    before = copy.deepcopy(document)
    read(document)
    read([document, {"annotations": [document, {"result": [document, {"type": "number", "value": document}]}]}])
    assert repr(document) == repr(before)


ITEM = {
    "review": 7,
    "sample_id": "s1",
    "kinds": ["wide_interval"],
    "priority": 1.5,
    "release": "3",
    "prediction": 2.0,
    "lower": 1.5,
    "upper": 2.5,
    "target": 2.25,
    "target_origin": "labels",
    "target_name": "yield_rate",
    "unit": "bar",
    "classes": [],
    "t_s": [0.0, 1.0, 2.0],
    "curves": {"flow": [1.0, None, 3.0], "time": [None, None, None]},
}


def test_a_task_holds_the_curves_and_the_answer() -> None:
    task = task_of(process(), ITEM)
    assert task["data"]["ts"] == {"time_s": [0.0, 1.0, 2.0], "flow": [1.0, 2.0, 3.0], "time": [0.0, 0.0, 0.0]}
    assert task["data"]["missing"] == {"flow": 1, "time": 3}
    assert task["data"]["label"] == "yield_rate: 2.25 bar (labels)"
    assert task["data"]["answer"] == "yield_rate: 2 bar (1.5 to 2.5)"
    (prediction,) = task["predictions"]
    assert prediction["result"][0]["value"] == {"number": 2.0}
    json.dumps(task, allow_nan=False)
    back = read([task])
    assert (back.problems, back.tasks[0].review, back.tasks[0].sample_id) == ({}, 7, "s1")
    silent = task_of(process(), ITEM | {"prediction": None, "lower": None, "upper": None, "target": None})
    assert (silent["predictions"], silent["data"]["label"]) == ([], "yield_rate: not known")


def test_the_labelling_interface_names_every_part_of_a_task() -> None:
    view = Xml.fromstring(configuration(process()))
    series = view.find("TimeSeries")
    assert series is not None
    assert (series.get("valueType"), series.get("value"), series.get("timeColumn")) == ("json", "$ts", "time_s")
    assert [channel.get("column") for channel in series] == ["flow", "time"]
    number = view.find("Number")
    assert number is not None
    assert (number.get("name"), number.get("min"), number.get("max")) == ("value", "0", "100")
    names = {element.get("name") for element in view}
    assert {"label", "ts", "action", "value", "confidence", "why"} <= names
    data = task_of(process(), ITEM)["data"]
    asked = {value[1:] for element in view.iter() for value in element.attrib.values() if value.startswith("$")}
    assert asked <= set(data)
    classes = Xml.fromstring(configuration(process(target=CLASSES)))
    assert [c.get("value") for c in classes.findall("Choices[@name='class']/Choice")] == ["open", "shut"]
