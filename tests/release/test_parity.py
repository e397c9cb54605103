"""Parity: a release is recognised by what it gives, and what was changed since is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.model.features import Features
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.release.bundle import Release
from dq_pipeline.release.parity import RECORDINGS, STEPS, Trace, compute, differs, digest_of, traced
from dq_pipeline.samples import SampleBatch

from .test_bundle import history  # type: ignore[import-not-found]
from .test_bundle import release as release  # type: ignore[import-not-found]


@pytest.fixture(scope="module")
def made(release: Release) -> Release:
    return replace(release, trace=traced(release, history(30, 1)))


def shuffled(release: Release) -> Release:
    """The same release with the columns of its features in another order."""
    features = release.features
    order = np.random.default_rng(0).permutation(len(features.chosen))
    chosen, centre, scale = (getattr(features, name)[order] for name in ("chosen", "centre", "scale"))
    return replace(release, features=replace(features, chosen=chosen, centre=centre, scale=scale))


def test_a_release_gives_what_it_gave_before_and_after_it_is_stored(made: Release, tmp_path: Path) -> None:
    assert made.trace is not None
    assert set(made.trace.outputs) == set(STEPS)
    assert len(made.trace.messages) == RECORDINGS
    assert differs(made) == ()
    made.save(tmp_path / "release")
    stored = Release.load(tmp_path / "release")
    assert stored.trace is not None
    assert stored.trace.outputs == made.trace.outputs
    assert differs(stored) == ()


def test_features_in_another_order_are_named_first(made: Release) -> None:
    found = differs(shuffled(made))
    assert found[0] == "features"
    assert "prediction" in found
    assert not {"grid", "horizon", "profile", "dimensions", "unified"} & set(found)


def test_shuffled_in_code_is_found_as_well(made: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Features.matrix
    monkeypatch.setattr(Features, "matrix", lambda self, values: np.roll(right(self, values), 1, axis=1))
    assert differs(made)[0] == "features"


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_named_by_itself(made: Release, step: str) -> None:
    assert made.trace is not None
    outputs = {**made.trace.outputs, step: "0" * 64}
    assert differs(replace(made, trace=replace(made.trace, outputs=outputs))) == (step,)


def test_a_step_that_fails_differs_and_so_do_those_after_it(made: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no features any more")

    monkeypatch.setattr(Features, "matrix", broken)
    assert differs(made) == STEPS[STEPS.index("features") :]


def test_another_scorer_differs_from_the_dimensions_on(made: Release) -> None:
    scorer = made.completion_scorer
    assert isinstance(scorer, QualityScorer)
    other = replace(made, completion_scorer=replace(scorer, allowances=scorer.allowances * 0.5))
    assert differs(other)[0] in ("dimensions", "unified")


def test_a_release_without_a_trace_differs_in_nothing_that_is_known(release: Release) -> None:
    assert differs(replace(release, trace=None)) == ()


def test_no_recording_no_trace(release: Release) -> None:
    empty = history(3, 1)
    assert traced(release, replace_values(empty)) is None


def test_a_trace_comes_back_from_bytes(made: Release) -> None:
    assert made.trace is not None
    back = Trace.from_bytes(made.trace.to_bytes())
    assert back.messages == made.trace.messages
    assert dict(back.outputs) == dict(made.trace.outputs)


def test_predictions_do_not_depend_on_the_samples_beside_them(made: Release) -> None:
    batch = history(60, 3)
    alone = np.concatenate([made.predict(batch.take([i])).value for i in range(60)])
    assert alone.tobytes() == made.predict(batch).value.tobytes()


def test_every_nan_is_the_same_and_a_last_bit_is_not() -> None:
    array = np.array([1.0, np.nan])
    other = array.copy()
    other.view(np.uint64)[1] |= 1
    assert digest_of({"a": array}) == digest_of({"a": other})
    assert digest_of({"a": array}) != digest_of({"a": np.array([np.nextafter(1.0, 2.0), np.nan])})


def test_what_was_computed_is_by_step(made: Release) -> None:
    assert made.trace is not None
    assert tuple(compute(made, made.trace)) == STEPS


def replace_values(batch: SampleBatch) -> SampleBatch:
    return replace(batch, values=np.full_like(batch.values, np.nan))
