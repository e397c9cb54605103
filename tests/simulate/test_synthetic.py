"""A synthetic stream is like the process, and like no recording of it."""

from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.errors import DataError
from dq_pipeline.process_file import load
from dq_pipeline.recording import assemble, place
from dq_pipeline.simulate.synthetic import ProcessModel, distances
from dq_pipeline.simulate.vacuum import simulate

PROCESS = load(Path("dags/processes/vacuum.yaml"))


@pytest.fixture(scope="module")
def real():
    found = simulate(240, np.random.default_rng(0), rows=1200)
    return assemble([place(one, PROCESS, "completion") for one in found], PROCESS, "completion")


@pytest.fixture(scope="module")
def model(real):
    return ProcessModel.fit(real.between(0, 160))


@pytest.fixture(scope="module")
def drawn(model, real):
    return model.draw(300, np.random.default_rng(1), start=real.start[0], every_s=3600.0)


def test_no_synthetic_recording_is_nearly_a_real_one(model, real, drawn):
    held = distances(model.standardised(real.between(160, 240)), model.real)
    near = distances(model.standardised(drawn), model.real)
    assert near.min() >= 0.95 * model.near > 0.0
    assert near.min() >= held.min()  # a real recording that it never saw comes at least as near
    assert distances(model.real[:5], model.real).max() < 1e-6  # what the measure says of a copy
    assert np.median(near) == pytest.approx(np.median(held), rel=0.35)


def test_it_goes_on_as_the_process_does(real, drawn):
    known = real.between(0, 160)
    assert drawn.target.mean() == pytest.approx(known.target.mean(), abs=0.1 * known.target.std() + 0.02)
    assert drawn.target.std() == pytest.approx(known.target.std(), rel=0.25)
    spread = known.values.mean(axis=1).std(axis=0)
    np.testing.assert_allclose(drawn.values.mean(axis=1).std(axis=0), spread, rtol=0.4)
    usual, made = (np.corrcoef(batch.values.mean(axis=1).T) for batch in (known, drawn))
    assert np.abs(usual - made).mean() < 0.1
    assert len(set(drawn.ids)) == 300
    assert (np.diff(drawn.start) == np.timedelta64(3600, "s")).all()


def test_the_same_seed_draws_the_same_and_another_one_others(model, real):
    one, two, three = (
        model.draw(5, np.random.default_rng(seed), start=real.start[0], every_s=1.0).values for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


def test_what_follows_each_other_does_so_in_the_stream_drawn(real):
    slow = np.sin(np.arange(200) / 8.0)
    values = slow[:, None, None] + 0.05 * np.random.default_rng(0).normal(size=(200, 12, 2))
    batch = real.between(0, 200)
    batch = type(batch)(
        ("a", "b"), batch.ids, batch.sources, batch.start, values, batch.received, batch.disordered, slow
    )
    drawn = ProcessModel.fit(batch, phases=4).draw(400, np.random.default_rng(0), start=real.start[0], every_s=1.0)
    level = drawn.values.mean(axis=(1, 2))
    assert np.corrcoef(level[1:], level[:-1])[0, 1] > 0.8


def test_classes_come_as_often_as_they_did(real):
    batch = real.between(0, 200)
    names = np.repeat([0.0, 1.0, 2.0], [100, 60, 40])
    values = names[:, None, None] * 3.0 + np.random.default_rng(0).normal(size=(200, 12, 2))
    batch = type(batch)(
        ("a", "b"), batch.ids, batch.sources, batch.start, values, batch.received, batch.disordered, names
    )
    drawn = ProcessModel.fit(batch, classes=3, phases=4).draw(
        600, np.random.default_rng(0), start=real.start[0], every_s=1.0
    )
    share = np.bincount(drawn.target.astype(int), minlength=3) / 600
    assert set(drawn.target.tolist()) <= {0.0, 1.0, 2.0}
    assert (share > 0.08).all()


def test_missing_readings_stay_as_rare_as_they_were(real):
    values = real.values[:100].copy()
    values[np.random.default_rng(0).random(values.shape) < 0.2] = np.nan
    values[:, :, 3] = np.nan
    batch = real.between(0, 100)
    batch = type(batch)(
        batch.sensors, batch.ids, batch.sources, batch.start, values, batch.received, batch.disordered, batch.target
    )
    drawn = ProcessModel.fit(batch).draw(20, np.random.default_rng(0), start=real.start[0], every_s=1.0)
    assert np.isnan(drawn.values[:, :, 0]).mean() == pytest.approx(0.2, abs=0.02)
    assert np.isnan(drawn.values[:, :, 3]).all()


def test_too_few_recordings_are_refused(real):
    with pytest.raises(DataError, match="at least 20 recordings"):
        ProcessModel.fit(real.between(0, 5))
