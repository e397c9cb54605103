from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dq_pipeline.process_file import load
from dq_pipeline.records import RawMessage
from dq_pipeline.simulate.vacuum import simulate
from dq_pipeline.steps.gate import decode_all
from dq_pipeline.steps.history_gate import place_all
from dq_pipeline.wire.codec import encode

LAB = load(Path("dags/processes/vacuum_lab.yaml"))
VACUUM = load(Path("dags/processes/vacuum.yaml"))


def test_history_says_the_target_even_where_labels_do_on_the_stream() -> None:
    recordings = simulate(2, np.random.default_rng(3))
    derived, _ = place_all(recordings, VACUUM)
    labelled, _ = place_all(recordings, LAB)
    assert np.isfinite([one.target for one in labelled]).all()
    assert [one.target for one in labelled] == [one.target for one in derived]


def test_a_history_without_the_column_has_no_target() -> None:
    (recording,) = simulate(1, np.random.default_rng(3))
    (placed,), _ = place_all([replace(recording, target=None)], LAB)
    assert np.isnan(placed.target)


def test_a_column_that_a_message_carries_says_nothing_where_labels_do() -> None:
    (recording,) = simulate(1, np.random.default_rng(3))
    key, value, headers = encode(recording, "completion", VACUUM.model_copy(update={"process": "vacuum_lab"}), "arrow")
    message = RawMessage(0, 0, 0, key, value, tuple(headers))
    decoded = decode_all([message], LAB, recording.start + np.timedelta64(1, "h"))
    assert not decoded.refused
    ((_, placed),) = decoded.placed["completion"].values()
    assert np.isnan(placed.target)
