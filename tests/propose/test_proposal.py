from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dq_pipeline import process_file
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.propose.layout import Asked
from dq_pipeline.propose.overview import Column, Overview
from dq_pipeline.propose.proposal import Proposal, propose
from dq_pipeline.propose.text import FILL_IN, text

N, ROWS = 50, 12


def _overview(names=("p", "q", "y"), **more: Column) -> Overview:
    rng = np.random.default_rng(0)
    columns = [Column("run", "number", np.repeat(np.arange(N), ROWS).astype(float), N * ROWS, 0, N - 1, (0, 25, N - 1))]
    columns += [
        Column(name, "number", rng.normal(size=N * ROWS), N * ROWS, -4, 4, (-3.0, 0.1 * i, 3.0))
        for i, name in enumerate(names)
    ]
    return Overview({column.name: column for column in columns} | more, N * ROWS, whole=True)


def _proposed(table: Overview, asked: Asked = Asked(sample="run"), **named: str) -> Proposal:  # noqa: B008 - frozen
    return propose(table, asked, **({"name": "toy", "file": "toy.csv", "uri": "/toy.csv"} | named)).learning_from(N)


def _process(proposal: Proposal):
    return process_file.read(text(proposal), Path(f"{proposal.name}.yaml"))


def test_the_text_is_the_process_that_was_proposed():
    proposal = _proposed(_overview(), Asked(sample="run", target="q", horizon=5, period_s=0.25))
    process = _process(proposal)
    assert process.sensor_names == ("p", "y")
    assert process.target.column == "q"
    assert process.target.rows == (5, ROWS)
    assert (process.sample.horizon_rows, process.sample.profile_rows, process.sample.period_s) == (5, 5, 0.25)
    assert (process.history.uri, process.history.id, process.history.samples) == ("/toy.csv", "run", 40)
    assert proposal.to_fill() == ["title", "sensors.p.unit", "sensors.y.unit", "target.unit"]
    assert text(proposal).count(f"# {FILL_IN}") == 4


def test_a_target_that_nobody_named_is_the_last_column_that_is_no_label():
    label = Column("label", "number", np.tile([0.0, 1.0], N * ROWS // 2), N * ROWS, 0, 1, (0, 0, 1))
    proposal = _proposed(_overview(label=label))
    assert proposal.target.column == "y"
    assert {"sample.horizon_rows", "target.column"} <= set(proposal.to_fill())
    assert any(note.startswith("label has two values only") for note in proposal.notes)
    assert "column, the last one is a guess" in text(proposal)


def test_one_sensor_predicts_its_own_end():
    process = _process(_proposed(_overview(names=("p",))))
    assert process.sensor_names == ("p",)
    assert process.target.column == "p"
    assert process.target.rows == (process.sample.horizon_rows, ROWS)


def test_what_says_nothing_is_left_out_and_told():
    still = Column("still", "number", np.ones(N * ROWS), N * ROWS, 1, 1, (1, 1, 1))
    index = Column("Unnamed: 0", "number", np.arange(N * ROWS) * 1.0, N * ROWS, 0, 599, (0, 300, 599))
    other = Column("blob", "other", np.empty(0))
    table = _overview(still=still, index=index, blob=other)
    table = Overview({c.name: c for c in table.columns.values()}, table.rows, whole=True)
    proposal = _proposed(table, Asked(sample="run", ignored=("q",)))
    assert [sensor.name for sensor in proposal.sensors] == ["p"]
    told = " ".join(proposal.notes)
    assert all(name in told for name in ("still holds one value", "Unnamed: 0 counts the rows", "blob is neither"))


def test_a_fill_value_is_pointed_out():
    filled = Column("filled", "number", np.ones(N * ROWS), N * ROWS, -9999, 4, (-9999, 0, 3))
    proposal = _proposed(_overview(filled=filled), Asked(sample="run", target="y"))
    assert any(note.startswith("filled reads -9999 often") for note in proposal.notes)


names = st.lists(st.text(max_size=40).filter(lambda name: name not in ("", "run")), min_size=2, max_size=6, unique=True)


@given(names, st.text(max_size=40), st.text(max_size=40))
@example(["p", "false"], "", "")
@example(["t", "null"], "", "")
@settings(max_examples=40)
def test_whatever_columns_are_called_the_text_is_valid_and_leads_back_to_them(columns, file, uri):
    encodable = [name for name in columns if name.encode("utf-8", "ignore").decode() == name]
    if len(encodable) < 2:
        return
    uri = uri.encode("utf-8", "ignore").decode()
    proposal = _proposed(_overview(encodable), Asked(sample="run", target=encodable[-1]), file=file, uri=uri)
    process = _process(proposal)
    found = [alias for name, sensor in process.sensors.items() for alias in (sensor.aliases or (name,))]
    assert found == encodable[:-1]
    assert process.target.column == encodable[-1]
    assert process.history.uri == uri


@pytest.mark.parametrize(
    ("recordings", "asked", "samples"), [(41, None, 40), (200, None, 100), (5000, None, 300), (90, 60, 60)]
)
def test_how_much_is_learned_first_goes_with_what_there_is(recordings, asked, samples):
    assert _proposed(_overview()).learning_from(recordings, asked).samples == samples


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(sample="run", horizon=ROWS), "--horizon: expected 2 to 11"),
        (Asked(sample="run", horizon=1), "--horizon: expected 2 to 11"),
        (Asked(sample="run", target="run"), "not used otherwise"),
        (Asked(sample="run", ignored=("p", "q", "y")), "at least one column of numbers that change"),
        (Asked(sample="run", ignored=("z",)), "--ignore: expected a column of run, p, q, y; found 'z'"),
    ],
)
def test_what_cannot_be_is_refused(asked, expected):
    with pytest.raises(ConfigurationError, match=expected):
        _proposed(_overview(), asked)


def test_too_few_recordings_are_refused():
    with pytest.raises(ConfigurationError, match=r"at least 41 recordings.*found 40\. Is run what tells"):
        _proposed(_overview()).learning_from(40)
