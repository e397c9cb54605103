"""A process with a categorical sensor, a log and a camera, from its messages to a release that judges them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dq_pipeline.channels import Channel
from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.model.features import Features
from dq_pipeline.model.training import train
from dq_pipeline.process_file import parse
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.dimensions import DIMENSIONS, measure
from dq_pipeline.quality.distance import PSEUDO_COUNTS
from dq_pipeline.recording import Recording, cut
from dq_pipeline.records import RawMessage
from dq_pipeline.release.bundle import Release
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps.gate import gate
from dq_pipeline.steps.reference import fit_scorers
from dq_pipeline.wire import encode

ROWS, HORIZON, N = 30, 20, 90
START = np.datetime64("2026-01-01", "us")
PROCESS = parse(
    {
        "process": "mixed",
        "title": "Mixed",
        "stream": {"topic": "t", "labels_topic": "l"},
        "sample": {"rows": ROWS, "period_s": 1, "horizon_rows": HORIZON, "profile_rows": ROWS},
        "sensors": {"p": {"unit": "bar", "range": [-90, 90]}},
        "encoded": {
            "valve": {"encoder": "categories", "categories": ["closed", "open"]},
            "log": {"encoder": "log_lines", "every_rows": 15},
            "camera": {"encoder": "image", "every_rows": 5},
        },
        "target": {"name": "y", "column": "y", "rows": [HORIZON, ROWS]},
        "model": {"trees": 20, "search": 1},
        "history": {"uri": "x.parquet", "id": "id"},
    },
    "mixed.yaml",
)
DIMENSION = {name: k for k, name in enumerate(DIMENSIONS)}


def _run(i: int, rng: np.random.Generator) -> Recording:
    """The picture's brightness and the valve say what the target will be; the pressure says less."""
    level, opens = rng.normal(), int(rng.integers(5, 15))
    frames = []
    for _ in range(6):
        out = BytesIO()
        grey = np.clip(rng.normal(120 + 30 * level, 20, (12, 12)), 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(out, "PNG")
        frames.append(out.getvalue())
    times = np.sort(rng.uniform(0, ROWS - 1, 12))
    lines = tuple(f"{rng.choice(['pump at', 'valve', 'WARN slow'])} {rng.integers(99)}" for _ in times)
    return Recording(
        f"r{i:05d}",
        "rig",
        START + np.timedelta64(i, "m"),
        ("p",),
        5 + 0.2 * level + rng.normal(size=(ROWS, 1)),
        target=level + 0.1 * opens + 0.1 * rng.normal(size=ROWS),
        channels={
            "valve": Channel(np.arange(ROWS) * 1.0, ("closed",) * opens + ("open",) * (ROWS - opens)),
            "log": Channel(times, lines),
            "camera": Channel(np.arange(6) * 5.0, tuple(frames)),
        },
    )


def _received(runs: list[Recording], scope: Any = "completion") -> SampleBatch:
    """Through the wire and the gate, each form by turns."""
    messages = []
    for i, run in enumerate(runs):
        shown = cut(run, HORIZON) if scope == "horizon" else run
        key, value, headers = encode(shown, scope, PROCESS, "arrow" if i % 2 else "json")
        messages.append(RawMessage(0, i, 0, key, value, tuple(headers)))
    gated = gate(messages, PROCESS, START + np.timedelta64(30, "D"), lambda _scope, _ids: set())
    assert gated.quarantined == ()
    assert gated.unknown == {}
    return gated.horizons if scope == "horizon" else gated.completions


@pytest.fixture(scope="module")
def history() -> SampleBatch:
    rng = np.random.default_rng(0)
    return _received([_run(i, rng) for i in range(N)])


@pytest.fixture(scope="module")
def release(history: SampleBatch) -> Release:
    rng = np.random.default_rng(1)
    scorers = fit_scorers(PROCESS, history, rng)
    features = Features.fit(history.head(HORIZON), HORIZON)
    inputs = features.transform(history.head(HORIZON))
    training = train(inputs, history.target, PROCESS, feature_names=features.names, rng=rng)
    shown = profile(history, scorers["completion"].reference)
    return Release(
        process=PROCESS.name,
        settings=PROCESS.deciding(),
        features=features,
        model=training.model,
        horizon_scorer=scorers["horizon"],
        completion_scorer=scorers["completion"],
        detector=SequentialDetector.fit(shown.drift_features, rng=rng, worlds=Worlds(2, 100)),
        manifest=(),
        metrics={},
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        code_version="",
        lock_hash="",
    )


def _measured(release: Release, run: Recording) -> dict[str, np.ndarray]:
    """The five dimensions of one recording by sensor."""
    scorer = release.completion_scorer
    found = measure(profile(_received([run]), scorer.reference), scorer.reference)[0]
    return dict(zip(PROCESS.sensor_names, found.T, strict=True))


def _instead(run: Recording, name: str, channel: Channel) -> Recording:
    return replace(run, channels={**run.channels, name: channel})


def test_clean_recordings_score_well_and_are_answered(release: Release) -> None:
    rng = np.random.default_rng(2)
    runs = [_run(1000 + i, rng) for i in range(40)]
    fresh, horizons = _received(runs), _received(runs, "horizon")
    assert np.array_equal(horizons.values, fresh.values[:, :HORIZON], equal_nan=True)
    scored = release.completion_scorer.score(profile(fresh, release.completion_scorer.reference))
    assert np.median(scored.unified) > 0.9
    predicted = release.predict(horizons).value
    assert np.corrcoef(predicted, fresh.target)[0, 1] > 0.8


def test_a_release_carries_its_encoders(release: Release, tmp_path: Path) -> None:
    release.save(tmp_path / "one")
    loaded = Release.load(tmp_path / "one")
    edited = PROCESS.model_copy(update={"encoded": {}, "sensors": {"p": PROCESS.sensors["p"]}})
    governed = loaded.governs(edited)
    assert governed.sensor_names == PROCESS.sensor_names == loaded.completion_scorer.reference.sensors
    assert governed.encoded["camera"].built == PROCESS.encoded["camera"].built
    assert governed.settings_hash() == PROCESS.settings_hash()
    assert loaded.governs(PROCESS).settings_hash() == PROCESS.settings_hash()


def test_a_release_from_before_there_were_channels_knows_none(release: Release) -> None:
    old = {name: value for name, value in release.settings.items() if name != "encoded"}
    old["sensors"] = {"p": release.settings["sensors"]["p"]}
    assert replace(release, settings=old).governs(PROCESS).sensor_names == ("p",)


def test_frames_that_did_not_come_are_missing_in_the_cameras_columns_alone(release: Release) -> None:
    run = _run(2000, np.random.default_rng(3))
    camera = run.channels["camera"]
    kept = np.array([True, True, False, True, False, True])
    clean, short = _measured(release, run), _measured(release, _instead(run, "camera", camera.take(kept)))
    for name in PROCESS.sensor_names:
        there = 4 / 6 if name.startswith("camera_") else 1.0
        assert short[name][DIMENSION["completeness"]] == pytest.approx(there)
        assert clean[name][DIMENSION["completeness"]] == 1.0
    broken = _instead(run, "camera", Channel(camera.times_s, (*camera.items[:5], b"no image")))
    assert _measured(release, broken)["camera_brightness"][DIMENSION["completeness"]] == pytest.approx(5 / 6)
    assert _measured(release, broken)["camera_delay"][DIMENSION["completeness"]] == 1.0  # it came


def test_frames_out_of_order_are_late_in_the_delay_alone(release: Release) -> None:
    run = _run(2001, np.random.default_rng(4))
    camera, order = run.channels["camera"], np.array([0, 2, 1, 3, 5, 4])
    late = Channel(camera.times_s[order], tuple(camera.items[i] for i in order))
    found, clean = _measured(release, _instead(run, "camera", late)), _measured(release, run)
    timely = DIMENSION["timeliness"]
    assert clean["camera_delay"][timely] == 1.0
    diluted = 10 / (10 + PSEUDO_COUNTS)  # a phase has ten rows
    assert found["camera_delay"][timely] == pytest.approx(1 - diluted * 2 / 6)
    for name in set(PROCESS.sensor_names) - {"camera_delay"}:
        assert found[name][timely] == pytest.approx(clean[name][timely])


def test_a_log_that_falls_silent_loses_its_heartbeat(release: Release) -> None:
    run = _run(2002, np.random.default_rng(5))
    log = run.channels["log"]
    silent = _measured(release, _instead(run, "log", log.take(log.times_s < 3)))
    last = np.floor(log.times_s[log.times_s < 3].max() + 0.5)
    assert silent["log_lines"][DIMENSION["completeness"]] == pytest.approx((last + 15) / ROWS)
    assert silent["p"][DIMENSION["completeness"]] == 1.0


def test_a_value_that_is_not_listed_and_a_camera_that_hangs_violate_their_range(release: Release) -> None:
    run = _run(2003, np.random.default_rng(6))
    valve, camera = run.channels["valve"], run.channels["camera"]
    odd = _instead(run, "valve", Channel(valve.times_s, ("stuck",) * 6 + valve.items[6:]))
    found = _measured(release, odd)["valve_other"][DIMENSION["consistency"]]
    assert found == pytest.approx(24 / ROWS, abs=1.01 / ROWS)  # the change back may be a jump too
    hung = _instead(run, "camera", Channel(camera.times_s, camera.items[:1] * 6))
    assert _measured(release, hung)["camera_repeated"][DIMENSION["consistency"]] == pytest.approx(5 / ROWS, abs=1e-9)
    assert _measured(release, run)["camera_repeated"][DIMENSION["consistency"]] == 1.0
