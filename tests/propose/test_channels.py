"""Columns of text: which are sensors, and what they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline import process_file
from dq_pipeline.propose.channels import is_categorical, propose_channels
from dq_pipeline.propose.layout import Asked, Layout, lay_out
from dq_pipeline.propose.overview import MAX_CLASSES, Column, Overview
from dq_pipeline.propose.proposal import Proposal, propose
from dq_pipeline.propose.text import text

N, ROWS = 50, 12
RUN = np.repeat(np.arange(N), ROWS).astype(float)
LAYOUT = Layout("run", None, None, None, 1.0, ROWS, None, ())


def _text(name: str, code: np.ndarray, values: tuple[str, ...] = ("closed", "open")) -> Column:
    return Column(name, "text", code.astype(float), len(code), values=values)


def _proposal(**more: Column) -> Proposal:
    rng = np.random.default_rng(0)
    columns = [Column("run", "number", RUN, N * ROWS, 0, N - 1, (0, 25, N - 1))]
    columns += [
        Column(name, "number", rng.normal(size=N * ROWS), N * ROWS, -4, 4, (-3.0, 0.1, 3.0)) for name in ("p", "y")
    ]
    table = Overview({column.name: column for column in (*columns, *more.values())}, N * ROWS, whole=True)
    return propose(table, Asked(sample="run"), name="toy", file="toy.csv", uri="/toy.csv").learning_from(N)


def test_text_that_changes_while_recordings_run_is_a_sensor():
    moving = _text("Valve State", np.tile([0, 1], N * ROWS // 2))
    proposal = _proposal(valve=moving)
    content = text(proposal)
    process = process_file.read(content, Path("toy.yaml"))
    assert process.encoded["Valve_State"].aliases == ("Valve State",)
    assert list(process.categories["Valve_State"].columns) == ["closed", "open"]
    assert process.sensor_names == ("p", "Valve_State_closed", "Valve_State_open", "Valve_State_other")
    assert any("Valve State is text that changes" in note for note in proposal.notes)
    assert not any("metadata" in note for note in proposal.notes)


def test_text_that_says_something_of_a_whole_recording_is_metadata():
    proposal = _proposal(recipe=_text("recipe", RUN % 2))
    assert proposal.channels == ()
    assert "encoded" not in text(proposal)
    assert any(note.startswith("recipe is text: metadata") for note in proposal.notes)


@pytest.mark.parametrize(("changes", "found"), [(1, False), (2, False), (3, True), (N, True)])
def test_one_recording_in_twenty_must_change(changes: int, found: bool):
    code = np.zeros((N, ROWS))
    code[:changes, 5:] = 1
    assert is_categorical(_text("v", code.ravel()), LAYOUT, RUN) is found
    assert is_categorical(_text("v", code.ravel()), replace(LAYOUT, sample=None), None) is found


def test_what_is_missing_changes_nothing():
    code = np.where(np.arange(N * ROWS) % 2, 0.0, np.nan)
    assert not is_categorical(_text("v", code), LAYOUT, RUN)
    assert not is_categorical(_text("v", np.full(N * ROWS, np.nan)), LAYOUT, RUN)


def test_many_values_or_one_are_no_categories():
    code = np.tile([0, 1], N * ROWS // 2)
    many = tuple(f"v{i:02d}" for i in range(MAX_CLASSES + 1))
    assert not is_categorical(_text("v", code, many), LAYOUT, RUN)
    assert is_categorical(_text("v", code, many[:-1]), LAYOUT, RUN)
    assert not is_categorical(_text("v", code, ("one",)), LAYOUT, RUN)


def test_the_target_is_no_sensor():
    grade = _text("grade", np.tile([0, 1], N * ROWS // 2))
    columns = {c.name: c for c in (Column("run", "number", RUN, N * ROWS, 0, N - 1, (0, 25, N - 1)), grade)}
    columns["p"] = Column("p", "number", np.random.default_rng(0).normal(size=N * ROWS), 600, -4, 4, (-3.0, 0.1, 3.0))
    asked = Asked(sample="run", target="grade")
    proposal = propose(Overview(columns, N * ROWS, whole=True), asked, name="toy", file="t.csv", uri="/t.csv")
    assert proposal.channels == ()
    assert lay_out(Overview(columns, N * ROWS, whole=True), asked).rows == ROWS


def test_names_are_nobody_elses():
    code = np.zeros(4)
    found = propose_channels(
        [_text("valve", code), _text("val-ve", code), _text("val ve", code)], {"valve", "valve_open"}
    )
    assert [one.name for one in found] == ["valve_2", "val_ve", "val_ve_2"]
    assert found[0].categories == ("closed", "open")


def test_words_that_yaml_would_take_for_something_else():
    proposal = _proposal(v=_text("v", np.tile([0, 1], N * ROWS // 2), ("1", 'on "off": [')))
    process = process_file.read(text(proposal), Path("toy.yaml"))
    assert list(process.categories["v"].columns) == ["1", 'on "off": [']
