from __future__ import annotations

import numpy as np
import pytest

from dq_pipeline.audit import examine

NAMES = tuple("abcdef")
UNITS = ("bar", "degC", "l/min", "A", "rpm", "1")


@pytest.fixture
def rig():
    """Recordings (320, 30, 6): five sensors that follow two hidden levels, and one, f, that follows none."""
    rng = np.random.default_rng(5)
    hidden = rng.normal(size=(320, 2))
    mix = np.array([[1.0, 0.2], [0.8, -0.6], [0.1, 1.0], [-0.7, 0.7], [0.5, 0.9]])
    level = np.concatenate([hidden @ mix.T, rng.normal(size=(320, 1))], axis=1)
    within = np.sin(np.linspace(0, 6, 30))[:, None] * np.array([1.0, 2.0, 0.5, 1.5, 0.0, 1.0])
    centre = np.array([20.0, 40.0, 60.0, 25.0, 35.0, 50.0])
    return centre + level[:, None, :] + within + 0.2 * rng.normal(size=(320, 30, 6))


def audited(values, **options):
    """Findings of a window that begins 4 samples before what changed, by sensor; those that are well are left out."""
    found = examine(values[:280], values[280:], NAMES, UNITS, **options)
    assert [one.sensor for one in found] == list(NAMES)
    return {one.sensor: one for one in found if one.fault != "none"}


def test_nothing_is_found_where_nothing_is(rig):
    assert audited(rig) == {}


@pytest.mark.parametrize(
    ("j", "change", "fault", "gain", "offset"),
    [
        (0, lambda x: x * 1e5 / 6894.757293168, "unit", 14.50, 0.0),
        (0, lambda x: x * 1000.0, "unit", 1000.0, 0.0),
        (1, lambda x: x + 273.15, "unit", 1.0, 273.15),
        (1, lambda x: 1.8 * x + 32.0, "unit", 1.8, 32.0),
        (2, lambda x: x * 0.06, "unit", 0.06, 0.0),
        (5, lambda x: x * 100.0, "unit", 100.0, 0.0),
        (3, lambda x: -x, "sign", -1.0, 0.0),
        (1, lambda x: 1.15 * x, "gain", 1.15, 0.0),
        (2, lambda x: x - 3.0, "offset", 1.0, -3.0),
    ],
)
def test_what_the_readings_became(rig, j, change, fault, gain, offset):
    rig[284:, :, j] = change(rig[284:, :, j])
    (found,) = audited(rig).values()
    assert (found.sensor, found.fault) == (NAMES[j], fault)
    assert found.gain == pytest.approx(gain, rel=0.03)
    assert found.offset == pytest.approx(offset, abs=0.6)
    assert abs(found.first - 4) <= 1


def test_channels_that_were_exchanged(rig):
    rig[284:, :, [0, 2]] = rig[284:, :, [2, 0]]
    found = audited(rig)
    assert {name: (one.fault, one.other) for name, one in found.items()} == {
        "a": ("swapped", "c"),
        "c": ("swapped", "a"),
    }


def test_exchanged_channels_that_read_alike_are_told_by_the_others(rig):
    rig[:, :, 2] -= 40.0
    rig[284:, :, [0, 2]] = rig[284:, :, [2, 0]]
    assert {name: one.fault for name, one in audited(rig).items()} == {"a": "swapped", "c": "swapped"}


def late(x, rows=3):
    return np.concatenate([x[:, rows:0:-1], x[:, :-rows]], axis=1)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda x, _: np.full_like(x, np.nan), "dead"),
        (lambda x, _: np.zeros_like(x), "dead"),
        (lambda x, rng: np.where(rng.random(x.shape) < 0.6, np.nan, x), "missing"),
        (lambda x, _: np.repeat(x[:, :1], x.shape[1], axis=1), "stuck"),
        (lambda x, _: np.full_like(x, 41.7), "stuck"),
        (lambda x, _: np.minimum(x, 40.5), "clipped"),
        (lambda x, _: np.maximum(x, 39.0), "clipped"),
        (lambda x, rng: x + rng.normal(size=x.shape), "noisy"),
        (lambda x, _: late(x), "lag"),
    ],
)
def test_what_a_sensor_shows_by_itself(rig, change, fault):
    rig[284:, :, 1] = change(rig[284:, :, 1], np.random.default_rng(1))
    found = audited(rig)
    assert {name: one.fault for name, one in found.items()} == {"b": fault}
    assert found["b"].against == "itself"
    assert found["b"].lag == (3.0 if fault == "lag" else 0.0)
    assert abs(found["b"].first - 4) <= 3


def test_faults_do_not_spoil_each_other(rig):
    rig[284:, :, 0] *= 100.0
    rig[284:, :, 5] = np.nan
    rig[284:, :, 2] += 4.0
    found = {name: one.fault for name, one in audited(rig).items()}
    assert found == {"a": "unit", "c": "offset", "f": "dead"}


def test_a_bias_that_nothing_contradicts_is_undetermined(rig):
    rig[284:, :, 5] += 8.0
    (found,) = audited(rig).values()
    assert (found.sensor, found.fault) == ("f", "undetermined")
    assert "a fault or a change of the process" in found.text
    assert found.determined < 0.2


def test_a_trusted_reference_says_what_the_others_cannot(rig):
    twin = rig[:, :, 5] + 0.1 * np.random.default_rng(2).normal(size=rig.shape[:2])
    values = np.concatenate([rig, twin[:, :, None]], axis=2)
    values[284:, :, 5] += 8.0
    found = examine(
        values[:280], values[280:], (*NAMES, "g"), (*UNITS, "1"), trusted={"f": "g"}, ranges=[(-1e3, 1e3)] * 7
    )
    (one,) = [one for one in found if one.fault != "none"]
    assert (one.sensor, one.fault, one.against) == ("f", "offset", "trusted:g")
    assert one.offset == pytest.approx(8.0, abs=0.5)


def test_two_sensors_that_change_together_are_the_process(rig):
    rig[284:, :, 0] *= 1.2
    rig[284:, :, 3] -= 4.0
    found = audited(rig)
    assert found
    assert {one.fault for one in found.values()} == {"undetermined"}


def test_what_moves_along_the_usual_relations_is_well(rig):
    mix = np.array([1.0, 0.8, 0.1, -0.7, 0.5, 0.0])
    rig[284:] += 2.5 * mix
    assert audited(rig) == {}


def test_the_target_is_one_neighbour_more(rig):
    rng = np.random.default_rng(4)
    target = rig[:, :, 5].mean(axis=1) + 0.05 * rng.normal(size=320)
    rig[284:, :, 5] += 8.0
    (found,) = audited(rig, target=(target[:280], target[280:])).values()
    assert (found.sensor, found.fault) == ("f", "offset")


def test_a_few_recordings_say_only_what_a_sensor_shows_by_itself(rig):
    rig[284:, :, 0] *= 1.5
    rig[284:, :, 1] = np.nan
    found = examine(rig[:40], rig[284:290], NAMES, UNITS)
    assert [one.fault for one in found] == ["none", "dead", "none", "none", "none", "none"]
    assert "too few to say more" in found[0].text
    assert [one.fault for one in examine(rig[:280], rig[:0], NAMES, UNITS)] == ["none"] * 6


def test_what_was_never_read_is_no_fault(rig):
    rig[:, :, 2] = np.nan
    rig[:, :, 4] = 7.0
    assert audited(rig) == {}
