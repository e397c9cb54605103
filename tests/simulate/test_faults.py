"""Faults and drifts to inject do what they are named for, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dq_pipeline.errors import DataError, SampleError
from dq_pipeline.process_file import load
from dq_pipeline.recording import Recording, assemble, place
from dq_pipeline.simulate.damage import DAMAGES, corrupt_message
from dq_pipeline.simulate.drifts import DRIFTS, with_drift
from dq_pipeline.simulate.faults import FAULTS, faulted, inject, robust_scale, with_spoilt_labels
from dq_pipeline.wire import decode, encode

PROCESS = load(Path("dags/processes/hydraulic.yaml"))
NOW = np.datetime64("2026-03-02T00:00:00", "us")
SCALE = dict.fromkeys(PROCESS.sensor_names, 1.0)


def _recording(seed: int = 0, number: int = 0) -> Recording:
    rng = np.random.default_rng(seed)
    return Recording(
        f"{number:03d}", "rig", NOW, PROCESS.sensor_names, rng.normal(100, 1, (60, 14)), target=rng.normal(2, 0.1, 60)
    )


@pytest.mark.parametrize("severity", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_shows_and_keeps_what_it_must(kind: str, severity: float) -> None:
    whole = _recording()
    before = whole.values.copy()
    faulty = inject(whole, kind, severity, np.random.default_rng(1), SCALE)
    again = inject(whole, kind, severity, np.random.default_rng(1), SCALE)
    assert_array_equal(whole.values, before)
    assert_array_equal(faulty.values, again.values)
    assert faulty.values.shape[1] == 14
    assert not np.array_equal(faulty.values, before, equal_nan=True)
    placed = place(faulty, PROCESS, "completion")
    assert placed.target == pytest.approx(place(whole, PROCESS, "completion").target)


@pytest.mark.parametrize("kind", ["late_rows", "duplicated_rows"])
def test_the_grid_undoes_disorder_and_counts_it(kind: str) -> None:
    whole = _recording()
    placed = place(inject(whole, kind, 0.5, np.random.default_rng(1), SCALE), PROCESS, "completion")
    assert_array_equal(placed.values, whole.values)
    assert placed.disordered > 0
    assert (placed.received > 60) == (kind == "duplicated_rows")


@pytest.mark.parametrize(
    ("kind", "share"), [("missing_cells", 0.5), ("missing_block", 0.5), ("spikes", 0.06), ("stuck", 1.0)]
)
def test_the_worst_of_a_kind_is_as_large_as_said(kind: str, share: float) -> None:
    whole = _recording()
    changed = [
        (inject(whole, kind, 1.0, np.random.default_rng(i), SCALE).values != whole.values).mean(axis=0).max()
        for i in range(20)
    ]
    assert 0.8 * share < np.median(changed) < 1.5 * share


def test_unknown_kinds_are_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"Unknown fault 'rust'\. Registered: missing_block"):
        inject(_recording(), "rust", 0.5, rng, SCALE)
    with pytest.raises(DataError, match=r"severity in \[0.1, 1\]"):
        inject(_recording(), "stuck", 0.0, rng, SCALE)
    with pytest.raises(DataError, match="Unknown drift"):
        with_drift([], 0, "rust", sensors=["PS1"], size=1, scale=SCALE)
    with pytest.raises(DataError, match="found XX"):
        with_drift([_recording()], 0, "offset", sensors=["XX"], size=1, scale=SCALE)
    with pytest.raises(DataError, match="Unknown damage"):
        corrupt_message(b"", [], "rust", rng)


def test_robust_scale_of_normal_constant_and_mostly_constant_sensors() -> None:
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(0, 2, 5000), np.full(5000, 3.0), np.where(rng.random(5000) < 0.8, 0.0, 5.0)], axis=1)
    values[::7, 0] = np.nan
    scale = robust_scale(values)
    assert scale[0] == pytest.approx(2.0, rel=0.1)
    assert scale[1] == 1e-9
    assert scale[2] > 1.0


def test_faulted_spoils_the_share_asked_for() -> None:
    placed = [place(_recording(i, i), PROCESS, "completion") for i in range(50)]
    batch = assemble(placed, PROCESS, "completion").head(40)
    spoilt = faulted(batch, PROCESS, np.random.default_rng(2), share=0.2)
    differs = [
        not np.array_equal(batch.values[i], spoilt.values[i], equal_nan=True)
        or batch.disordered[i] != spoilt.disordered[i]
        for i in range(50)
    ]
    assert sum(differs) == 10
    assert spoilt.ids == batch.ids
    assert spoilt.rows == 40
    assert_array_equal(spoilt.target, batch.target)


def test_labels_are_spoilt_with_their_inputs_and_the_others_are_left_alone() -> None:
    whole = [_recording(number, number) for number in range(40)]
    spoilt, faulty = with_spoilt_labels(whole, "flow", 0.25, np.random.default_rng(3))
    assert faulty.sum() == 10
    moved = 0
    for before, after, bad in zip(whole, spoilt, faulty, strict=True):
        assert (after is before) == (not bad)
        assert after.target is not None
        same = len(after.target) == len(before.target) and np.array_equal(after.target, before.target)
        moved += not same
    assert 5 <= moved <= 10, "but for the kinds that act on chosen columns, the label carries the fault too"


def test_recordings_without_a_target_are_spoilt_beside_those_that_have_one() -> None:
    whole = [_recording(number, number) for number in range(40)]
    mixed = [replace(one, target=None) if i % 2 else one for i, one in enumerate(whole)]
    spoilt, faulty = with_spoilt_labels(mixed, "flow", 0.25, np.random.default_rng(3), ("offset",))
    assert faulty.sum() == 10
    assert [one.target is None for one in spoilt] == [one.target is None for one in mixed]


@pytest.mark.parametrize("kind", DRIFTS)
def test_drift_starts_when_it_is_said_to(kind: str) -> None:
    stream = [_recording(i, i) for i in range(5)]
    drifted = with_drift(stream, 3, kind, sensors=["PS1", "TS1"], size=2.0, scale=SCALE, target_shift=0.5)
    moved = [(a.values != b.values).any(axis=0) for a, b in zip(stream, drifted, strict=True)]
    assert [bool(m.any()) for m in moved] == [False] * 3 + [True] * 2
    assert np.flatnonzero(moved[4]).tolist() == [0, 9]
    assert np.asarray(drifted[4].target - stream[4].target) == pytest.approx(0.5)


@pytest.mark.parametrize("form", ["json", "arrow"])
@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_messages_are_refused_for_their_reason(kind: str, form: str) -> None:
    _, value, headers = encode(_recording(), "completion", PROCESS, form)
    sent = corrupt_message(value, headers, kind, np.random.default_rng(3))
    reason = DAMAGES[kind][1]
    if kind == "duplicate":
        assert [one[0] for one in sent] == [value, value]
        return
    with pytest.raises(SampleError) as caught:
        _take(*sent[0])
    assert caught.value.reason == reason


def _take(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    message = decode(value, headers, PROCESS, NOW)
    place(message.recording, PROCESS, message.scope)
