from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.drift.sequential import SequentialDetector
from dq_pipeline.errors import DataError
from dq_pipeline.model.features import Features
from dq_pipeline.model.training import train
from dq_pipeline.process import Process
from dq_pipeline.profile.bins import Reference
from dq_pipeline.profile.profile import profile
from dq_pipeline.quality.learned import LearnedScorer
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.release.bundle import FILES, Release, TrainingBatch, digest, ids_hash, verify
from dq_pipeline.release.forward import ForwardErrors
from dq_pipeline.release.parity import traced
from dq_pipeline.samples import SampleBatch
from dq_pipeline.steps import error_model, flag_rules
from dq_pipeline.storage import to_npz

PROCESS = {
    "process": "small",
    "title": "Small",
    "stream": {"topic": "t", "labels_topic": "l"},
    "sample": {"rows": 20, "period_s": 1, "horizon_rows": 12, "profile_rows": 20},
    "sensors": {name: {"unit": "bar", "range": [-90, 90]} for name in ("a", "b")},
    "rules": ["a >= b - 50"],
    "target": {"name": "y", "column": "y", "rows": [12, 20]},
    "history": {"uri": "history.parquet", "id": "id"},
    "model": {"trees": 5, "search": 1},
}


def history(n: int, seed: int) -> SampleBatch:
    values = np.random.default_rng(seed).normal(10.0, 2.0, (n, 20, 2)).cumsum(axis=1) / 5
    return SampleBatch(
        sensors=("a", "b"),
        ids=tuple(f"s{i}" for i in range(n)),
        sources=("rig",) * n,
        start=np.datetime64("2026-01-01", "us") + np.arange(n),
        values=values,
        received=np.full(n, 20),
        disordered=np.zeros(n, np.int64),
        target=values[:, 12:, 0].mean(axis=1),
    )


@pytest.fixture(scope="module")
def release() -> Release:
    process, batch, rng = Process.model_validate(PROCESS), history(80, 0), np.random.default_rng(0)
    features = Features.fit(batch, 12)
    training = train(features.transform(batch), batch.target, process, feature_names=features.names, rng=rng)
    scorers = []
    for rows in (12, 20):
        reference = Reference.fit(batch.head(rows), process)
        profiles = profile(batch.head(rows), reference)
        scorers.append(QualityScorer.fit(reference, profiles, profiles, rng=np.random.default_rng(0)))
    drift_features = profile(batch, scorers[1].reference).drift_features
    scored = flag_rules.Scored(np.full(80, 0.9), np.full(80, 0.9), scorers[1].injected, 0.25)
    made = Release(
        process="small",
        settings=process.deciding(),
        features=features,
        model=training.model,
        horizon_scorer=scorers[0],
        completion_scorer=scorers[1],
        detector=SequentialDetector.fit(drift_features, rng=rng, worlds=Worlds(2, 100)),
        manifest=(TrainingBatch("b1", "lake/b1", 80, ids_hash(batch.ids), "2026-01-01", "2026-01-02", 0.8, 1.05),),
        metrics={"model": {"mae": 0.25, "r2": float("nan")}, "last_value": {"mae": 0.5}},
        created_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        code_version="abc",
        lock_hash="def",
        learned_scorer=LearnedScorer.fit(scorers[1], batch, [batch], np.random.default_rng(0)),
        flags=flag_rules.fitted(process, features, features.transform(batch), training, batch.target, scored),
        error_model=error_model.fitted(process, features, features.transform(batch), training, batch.target),
        forward_errors=ForwardErrors(batch.target[training.calibrated] - training.forward),
    )
    return dataclasses.replace(made, trace=traced(made, batch))


def test_everything_comes_back_bit_for_bit(release: Release, tmp_path: Path) -> None:
    name = release.save(tmp_path / "one")
    loaded = Release.load(tmp_path / "one")
    assert name == digest(tmp_path / "one")
    assert loaded.save(tmp_path / "two") == name
    fresh = history(30, 1)
    one, other = release.predict(fresh), loaded.predict(fresh)
    assert other.value.tobytes() == one.value.tobytes()
    assert other.lower.tobytes() == one.lower.tobytes()
    for part, rows in (("horizon_scorer", 12), ("completion_scorer", 20)):
        a, b = getattr(release, part), getattr(loaded, part)
        assert b.score(profile(fresh.head(rows), b.reference)).unified.tobytes() == (
            a.score(profile(fresh.head(rows), a.reference)).unified.tobytes()
        )
    assert release.learned_scorer is not None
    assert loaded.learned_scorer is not None
    assert loaded.learned_scorer.to_bytes() == release.learned_scorer.to_bytes()
    assert release.detector is not None
    assert loaded.detector is not None
    assert loaded.detector.to_bytes() == release.detector.to_bytes()
    assert release.flags is not None
    assert loaded.flags is not None
    assert loaded.flags.to_bytes() == release.flags.to_bytes()
    assert release.error_model is not None
    assert loaded.error_model is not None
    assert loaded.error_model.to_bytes() == release.error_model.to_bytes()
    assert release.forward_errors is not None
    assert loaded.forward_errors is not None
    assert loaded.forward_errors.error.tobytes() == release.forward_errors.error.tobytes()
    assert (loaded.manifest, loaded.created_at, loaded.code_version) == (release.manifest, release.created_at, "abc")
    assert loaded.metrics["model"] == {"mae": 0.25, "r2": None}


def test_predicts_from_the_horizon_alone(release: Release) -> None:
    fresh = history(10, 2)
    changed = dataclasses.replace(fresh, values=fresh.values.copy())
    changed.values[:, 12:] = 1e6
    assert release.predict(changed).value.tobytes() == release.predict(fresh).value.tobytes()


def test_parts_may_be_absent(release: Release, tmp_path: Path) -> None:
    parts = (
        "horizon_scorer",
        "completion_scorer",
        "learned_scorer",
        "detector",
        "flags",
        "error_model",
        "trace",
        "forward_errors",
    )
    bare = dataclasses.replace(release, **dict.fromkeys(parts))  # type: ignore[arg-type]
    bare.save(tmp_path / "bare")
    loaded = Release.load(tmp_path / "bare")
    assert [getattr(loaded, part) for part in parts] == [None] * len(parts)
    assert {file.name for file in (tmp_path / "bare").iterdir()} == {"release.json", "features.json", "model.ubj"}


@pytest.mark.parametrize("name", FILES.values())
def test_a_changed_or_missing_file_is_found(release: Release, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "release"
    release.save(folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(DataError, match=rf"SHA-256 .* of {name} expected .* fetch it again"):
        Release.load(folder)
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} expected"):
        Release.load(folder)


def test_refuses_what_is_no_release_of_this_format(release: Release, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a release expected"):
        verify(tmp_path)
    release.save(tmp_path / "release")
    with pytest.raises(DataError, match="an empty folder expected"):
        release.save(tmp_path / "release")
    description = tmp_path / "release" / "release.json"
    document = json.loads(description.read_text())
    description.write_text(json.dumps({**document, "format": 2}))
    with pytest.raises(DataError, match="found format 2"):
        verify(tmp_path / "release")
    description.write_text(json.dumps({**document, "files": {**document["files"], "../../etc/passwd": "0"}}))
    with pytest.raises(DataError, match="expected in"):
        verify(tmp_path / "release")


def test_governs_what_decides_and_leaves_the_rest(release: Release) -> None:
    today = Process.model_validate(
        {**PROCESS, "stream": {**PROCESS["stream"], "min_samples": 7}, "quality": {"threshold": 0.9}}  # type: ignore[dict-item]
    )
    governed = release.governs(today)
    assert governed.quality.threshold == 0.25
    assert governed.stream.min_samples == 7
    assert governed.settings_hash() == Process.model_validate(PROCESS).settings_hash()


def test_a_swept_threshold_decides_where_the_settings_ask_for_one(release: Release, tmp_path: Path) -> None:
    found = dataclasses.replace(release, swept_threshold=0.7)
    assert found.threshold == 0.25, "the file states a number"
    asked = {**release.settings, "quality": {**release.settings["quality"], "threshold": "sweep"}}
    dataclasses.replace(found, settings=asked).save(tmp_path / "swept")
    assert Release.load(tmp_path / "swept").threshold == 0.7
    assert dataclasses.replace(release, settings=asked).threshold == 0.25, "nothing was swept yet"


def test_sensors_keep_their_order(release: Release, tmp_path: Path) -> None:
    turned = {**release.settings, "sensors": dict(reversed(list(release.settings["sensors"].items())))}
    dataclasses.replace(release, settings=turned).save(tmp_path / "turned")
    assert list(Release.load(tmp_path / "turned").settings["sensors"]) == ["b", "a"]


def test_errors_that_are_something_else_are_refused() -> None:
    with pytest.raises(DataError, match="one array 'error' of one dimension expected, found x"):
        ForwardErrors.from_bytes(to_npz({"x": np.zeros(3)}))
