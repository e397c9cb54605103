"""Cells of the tables on channels that are no numbers, taken by another way."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor

from dq_pipeline.channels import Channel
from dq_pipeline.experiments.data import batch_of
from dq_pipeline.experiments.heterogeneous import changes, drift, levels, model, plant, quality, watchers
from dq_pipeline.experiments.heterogeneous.faults import FAULTS
from dq_pipeline.experiments.heterogeneous.plant import Habits
from dq_pipeline.profile.profile import profile

JUDGED = 60


@pytest.fixture(scope="module")
def trial():
    return quality.Trial.of(0, JUDGED)


@pytest.fixture(scope="module")
def scorer(trial):
    return quality.fitted(trial.process, trial.known, 0)


@pytest.fixture(scope="module")
def told():
    return quality.by_fault(0, JUDGED)


def items_of(trial, channel, fault, i, severity, rng):
    return FAULTS[channel][fault](trial.clean[i].channels[channel], severity, rng)


def test_the_plant_sends_what_its_habits_say():
    run = plant.simulate(400, np.random.default_rng(1))
    shares = [(run.valve == k).mean() for k in range(4)]
    assert shares == pytest.approx([0.65, 0.31, 0.04, 0.0], abs=0.03)
    assert [(run.recipe == k).mean() for k in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.12)
    lines = [line for one in plant.recordings(run) for line in one.channels["log"].items]
    assert sum(line.startswith("ERROR") for line in lines) / (400 * 60) == pytest.approx(0.005, abs=0.0015)
    image = Image.open(io.BytesIO(plant.recordings(run.between(3, 4))[0].channels["camera"].items[2]))
    np.testing.assert_array_equal(np.asarray(image), run.images[3, 2])
    batch = batch_of(plant.process(), plant.recordings(run))
    np.testing.assert_allclose(batch.target, run.target)
    brightness = batch.values[:, :, batch.sensors.index("camera_brightness")]
    np.testing.assert_allclose(brightness[5, 30], run.images[5, 2].mean() / 255)


def test_a_change_touches_what_it_is_about_and_nothing_before_it():
    usual, changed = (
        plant.simulate(60, np.random.default_rng(2), at=40, then=then) for then in (None, Habits(brightness=0.3))
    )
    for name in ("readings", "valve", "recipe", "warned", "erred", "images"):
        np.testing.assert_array_equal(getattr(usual, name)[:40], getattr(changed, name)[:40])
    np.testing.assert_array_equal(usual.valve, changed.valve)
    assert (changed.images[40:] < usual.images[40:]).mean() > 0.9


@pytest.mark.parametrize("title", changes.KINDS)
def test_a_branch_is_what_encoding_everything_would_give(title, monkeypatch):
    monkeypatch.setattr(changes, "BEFORE", 20)
    monkeypatch.setattr(changes, "LONGEST", 15)
    monkeypatch.setattr(changes, "REFERENCE", 10)
    kind = changes.KINDS[title]
    steady = batch_of(plant.process(), plant.recordings(plant.simulate(45, np.random.default_rng(3))))
    found = changes.branch(steady, 3, 45, kind)
    run = plant.simulate(45, np.random.default_rng(3), at=30, then=kind.then)
    whole = batch_of(plant.process(), plant.recordings(run)).between(30, 45)
    np.testing.assert_array_equal(found.values, whole.values)
    assert found.ids == whole.ids


def test_faults_stay_in_their_channel(trial):
    for channel, faults in FAULTS.items():
        own = [name.startswith(f"{channel}_") for name in trial.process.sensor_names]
        for fault in faults:
            shown, hit, severity = trial.spoilt(channel, fault)
            same = (shown.values == trial.later.values) | (np.isnan(shown.values) & np.isnan(trial.later.values))
            assert same[:, :, ~np.array(own)].all(), (channel, fault)
            assert hit.any(), (channel, fault)
            assert not hit[severity == 0].any()


@pytest.mark.recomputes("channels/faults", "AUC", "completeness")
def test_the_areas_are_those_of_scipy(trial, scorer, told):
    areas, _ = told
    for channel, fault in (("camera", "lost"), ("sensors", "spikes")):
        shown, hit, _ = trial.spoilt(channel, fault)
        scores = scorer.score(profile(shown, scorer.reference))
        for k, of in ((0, scores.unified), (4, scores.dimensions[:, 1])):
            by_hand = stats.mannwhitneyu(of[~hit], of[hit]).statistic / (hit.sum() * (~hit).sum())
            assert areas[channel, fault][k] == pytest.approx(by_hand)
    assert areas["camera", "lost"][0] > 0.95
    assert 0.3 < areas["camera", "lost"][1] < 0.7  # nobody sees a lost image in the sensors


@pytest.mark.recomputes("channels/own", "own completeness, spoilt", "own timeliness, spoilt")
def test_lost_images_and_late_ones_are_counted_in_their_own_columns(trial, told):
    _, own = told
    shown, hit, _ = trial.spoilt("camera", "lost")
    frames = shown.values[:, :: plant.FRAME, shown.sensors.index("camera_brightness")]
    assert own["camera", "lost"][0] == pytest.approx(1 - np.isnan(frames[hit]).mean())
    assert own["camera", "lost"][1:4].tolist() == [1.0, 1.0, 1.0]
    shown, hit, _ = trial.spoilt("camera", "late")
    late = (shown.values[hit][:, :, shown.sensors.index("camera_delay")] > 0).reshape(hit.sum(), 6, 10).mean(axis=2)
    # ten rows of a phase, and ten readings of the reference mixed in
    assert own["camera", "late"][4] == pytest.approx(1 - late.mean() * 10 / 20)
    assert own["camera", "late"][5] == 1.0


def test_late_images_are_those_that_came_behind_later_ones(trial):
    rng = np.random.default_rng(4)
    process = plant.process(("camera",))
    for i in range(20):
        channel = items_of(trial, "camera", "late", i, 1.0, rng)
        sent = replace(trial.clean[i], channels={"camera": channel})
        delay = batch_of(process, [sent]).values[0, :: plant.FRAME, process.sensor_names.index("camera_delay")]
        latest = -1.0
        for time in channel.times_s:
            assert delay[int(time) // plant.FRAME] == max(latest - time, 0.0)
            latest = max(latest, time)


def test_a_silent_log_is_missing_where_no_line_came_for_long(trial):
    rng = np.random.default_rng(5)
    process = plant.process(("log",))
    channel = items_of(trial, "log", "silent", 0, 0.6, rng)
    grid = batch_of(process, [replace(trial.clean[0], channels={"log": channel})]).values[0]
    heard = {int(time) for time in channel.times_s} | {-1}  # the start of a recording counts
    silent = [row - max(one for one in heard if one <= row) >= plant.BEAT + 2 for row in range(plant.ROWS)]
    np.testing.assert_array_equal(np.isnan(grid[:, process.sensor_names.index("log_lines")]), silent)
    assert any(silent)


def test_images_may_come_as_bytes_or_in_base64(trial):
    sent = trial.clean[0]
    camera = sent.channels["camera"]
    text = Channel(camera.times_s, tuple(base64.b64encode(item).decode() for item in camera.items))
    process = plant.process(("camera",))
    both = [batch_of(process, [replace(sent, channels={"camera": one})]).values for one in (camera, text)]
    np.testing.assert_array_equal(*both)


@pytest.mark.recomputes("channels/chi_squared", "Pearson, p < 0.05", "Rao-Scott, p < 0.05")
@pytest.mark.parametrize("name", ["independent rows", "stays for 10 rows"])
def test_p_values_are_those_of_scipy(name):
    windows = 40
    p, effects = levels.by_stream(*levels.STREAMS[name], windows)
    rng = np.random.default_rng(0)
    for i in range(windows):
        shown = levels.rows_shown(rng, levels.KNOWN + levels.WINDOW, *levels.STREAMS[name])
        sides = [np.bincount(part.ravel(), minlength=3) for part in np.split(shown, [levels.KNOWN])]
        pearson = stats.chi2_contingency(sides, correction=False)
        assert p[i, 0] == pytest.approx(pearson.pvalue, abs=1e-12)
        assert p[i, 1] == pytest.approx(stats.chi2.sf(pearson.statistic / effects[i], pearson.dof))
    row = next(row for row in levels.rows(windows) if row["rows"] == name)
    assert row["Pearson, p < 0.05"] == pytest.approx((p[:, 0] < 0.05).mean(), rel=1e-2)
    assert row["Rao-Scott, p < 0.05"] == pytest.approx((p[:, 1] < 0.05).mean(), rel=1e-2)


@pytest.fixture(scope="module")
def made():
    kinds = {title: changes.KINDS[title] for title in ("valve: fault 0 % -> 4 %", "camera: brightness 0.50 -> 0.47")}
    return changes.case(0, 310, kinds)


@pytest.mark.recomputes("channels/drift", "mean delay, recordings")
def test_chi_squared_alarms_where_windows_of_raw_rows_say_so(made):
    threshold = 4.0
    answer = watchers.ChiSquared("Pearson", False).watch(made, [threshold], 0)[0]
    n = changes.REFERENCE + changes.BEFORE + changes.LONGEST
    usual = plant.simulate(n, np.random.default_rng(0))
    kind = changes.KINDS["valve: fault 0 % -> 4 %"]
    changed = plant.simulate(n, np.random.default_rng(0), at=changes.REFERENCE + changes.BEFORE, then=kind.then)
    known, last, alarms, first = usual.valve[: changes.REFERENCE], -99, 0, None
    for end in range(watchers.WINDOW, changes.BEFORE + changes.LONGEST + 1, watchers.STRIDE):
        z = []
        for name, count in (("valve", 4), ("recipe", 3)):
            before = getattr(usual, name)[: changes.REFERENCE].reshape(changes.REFERENCE, -1)
            span = slice(changes.REFERENCE + end - watchers.WINDOW, changes.REFERENCE + end)
            now = getattr(changed, name)[span].reshape(watchers.WINDOW, -1)
            now = np.repeat(now, 60 // now.shape[1], axis=1)
            before = np.repeat(before, 60 // before.shape[1], axis=1)
            table = np.array([np.bincount(side.ravel(), minlength=count) for side in (before, now)])
            found = stats.chi2_contingency(table[:, table.any(axis=0)], correction=False)
            width = 2 / (9 * found.dof)
            z.append((np.cbrt(found.statistic / found.dof) - 1 + width) / np.sqrt(width))
        if max(z) > threshold and end - 1 >= last + watchers.WINDOW:
            last = end - 1
            alarms += last < 310
            first = first or (last - changes.BEFORE + 1 if last >= changes.BEFORE else None)
    assert known.shape == (changes.REFERENCE, 60)
    assert answer.delays[0] == first
    quiet_alarms = watchers.ChiSquared("Pearson", False).watch(replace_changed(made), [threshold], 0)[0].alarms
    assert quiet_alarms == answer.alarms


def replace_changed(made):
    return replace(made, changed=())


def test_the_new_category_is_found_by_both_and_named(made):
    sequential = watchers.Sequential().watch(made, [9.0], 0)[0]
    corrected = watchers.ChiSquared("Rao-Scott", True).watch(made, [5.0], 0)[0]
    assert sequential.columns[0] == corrected.columns[0] == "valve_fault"
    assert sequential.delays[0] <= corrected.delays[0] < 60
    features = np.concatenate([made.quiet.drift_features[: changes.BEFORE], made.changed[0].drift_features])
    watcher = replace(sequential_detector(made), threshold=9.0)
    alarms = [one.sample for one in watcher.update(watcher.start(), features).alarms if one.sample >= changes.BEFORE]
    assert sequential.delays[0] == alarms[0] - changes.BEFORE + 1


def sequential_detector(made):
    from dq_pipeline.drift.contrast_model import fit_contrast_model
    from dq_pipeline.drift.sequential import SequentialDetector

    return SequentialDetector(fit_contrast_model(made.known.drift_features)[0], changes.REFERENCE, 0.0, 1.0, "")


@pytest.mark.recomputes("channels/drift", "error", "missed", "channel named first")
@pytest.mark.recomputes("channels/in_control", "false alarms per 1,000", "error")
def test_rows_of_the_drift_tables_are_what_the_answers_say():
    answers = tuple(
        watchers.Answer(alarms, (delay,) * 5, (column,) * 5)
        for alarms, delay, column in ((0, 10, "valve_open"), (2, 300, ""), (1, 20, "log_lines"))
    )
    judged = [drift.Judged(watchers.CONTENDERS[0], 7.5, answers)]
    row = drift.delays(judged)[0]
    assert (row["mean delay, recordings"], row["missed"]) == (110.0, 1)
    assert (row["channel named first"], row["category or column named first"]) == (0.5, 0.5)
    assert row["error"] == pytest.approx(stats.sem([10, 300, 20]), rel=1e-2)
    control = drift.in_control(judged, 500)[0]
    assert control["false alarms per 1,000"] == 2.0
    assert control["error"] == pytest.approx(1000 * stats.sem([0, 2, 1]) / 500, rel=5e-2)  # two digits


@pytest.mark.recomputes("channels/model", "mean absolute error")
def test_errors_of_the_model_and_what_it_is_compared_with(monkeypatch):
    monkeypatch.setattr(model, "TRAINED", 250)
    found = model.errors(0, 150, follows=True)
    run = plant.simulate(model.TRAINED + 150, np.random.default_rng([0, 3]))
    known, later = run.target[: model.TRAINED], run.target[model.TRAINED :]
    last = [abs(later[i] - run.target[model.TRAINED + i - 1]) for i in range(150)]
    assert found["nothing: the last value"] == pytest.approx(np.mean(last))
    assert found["nothing: the mean of the known"] == pytest.approx(np.mean(np.abs(later - known.mean())))
    shown = run.readings[:, :50]  # the horizon
    table = np.hstack([shown.mean(axis=1), shown.std(axis=1), shown[:, 0], shown[:, -1], shown.min(axis=1)])
    trees = HistGradientBoostingRegressor(max_depth=4, max_iter=100, random_state=0)
    trees.fit(table[: model.TRAINED], known)
    by_hand = np.abs(later - trees.predict(table[model.TRAINED :])).mean()
    assert found["the sensors alone"] == pytest.approx(by_hand, rel=0.1)
    assert found["and all channels"] < 0.8 * found["the sensors alone"]


@pytest.mark.recomputes("channels/model", "error", "over the sensors alone")
def test_rows_of_the_model_are_means_over_seeds(monkeypatch):
    found = {0: {"the sensors alone": 2.0, "and the valve": 1.0}, 1: {"the sensors alone": 1.0, "and the valve": 0.8}}
    monkeypatch.setattr(model, "errors", lambda seed, judged, *, follows: found[seed])  # noqa: ARG005
    valve = model.rows(2, 100)[1]
    assert (valve["mean absolute error"], valve["over the sensors alone"]) == (0.9, pytest.approx((0.5 + 0.8) / 2))
    assert valve["error"] == pytest.approx(stats.sem([1.0, 0.8]), rel=1e-2)
