from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dq_pipeline import recorded
from dq_pipeline.adapters.history import open_history
from dq_pipeline.errors import ConfigurationError
from dq_pipeline.process_file import load
from dq_pipeline.simulate.vacuum import simulate

PROCESSES = Path(__file__).parents[1] / "dags" / "processes"


def test_what_is_written_is_the_history_that_is_read(tmp_path):
    process = load(PROCESSES / "vacuum.yaml")
    variables = {"DQ_LAKE_URI": str(tmp_path / "a lake")}
    told: list[int] = []
    recordings = simulate(60, np.random.default_rng(1))
    rows = recorded.write(recordings, recorded.history_uri(process, variables), on_part=told.append)
    assert rows == 60 * 1200
    assert told == [50, 60]
    history = open_history(process, variables)
    assert history.count() == 60
    for before, after in zip(recordings[55:], history.read_chunk(55, 60), strict=True):
        assert (after.sample_id, after.start, after.metadata) == (before.sample_id, before.start, before.metadata)
        np.testing.assert_array_equal(after.values, before.values)
        np.testing.assert_array_equal(after.target, before.target)


def test_needs_a_file_and_recordings(tmp_path):
    process = load(PROCESSES / "vacuum.yaml")
    table = process.model_copy(update={"history": process.history.model_copy(update={"uri": None, "table": "past"})})
    with pytest.raises(ConfigurationError, match="Use --out"):
        recorded.history_uri(table, {})
    with pytest.raises(ConfigurationError, match="found none"):
        recorded.write([], str(tmp_path / "none.parquet"))
