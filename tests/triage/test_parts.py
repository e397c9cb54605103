"""Slices, onsets and errors by themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dq_pipeline.triage import slices
from dq_pipeline.triage.answers import compare
from dq_pipeline.triage.onset import begin_of
from tests.triage.conftest import stretch


def test_a_value_never_seen_announces_and_a_shifted_mix_does_not():
    before, after = stretch(0, 0, 200), stretch(1, 200, 30)
    assert slices.announced(before, after) is None
    told = slices.announced(before, replace(after, metadata=({"recipe": "new"},) * 30))
    assert told is not None
    assert (told.key, told.value) == ("recipe", "new")
    mixed = tuple({"recipe": "a" if i % 4 else "b"} for i in range(30))
    assert slices.announced(before, replace(after, metadata=mixed)) is None
    serial = tuple({**one, "heat": f"H{i}"} for i, one in enumerate(after.metadata))
    assert slices.announced(before, replace(after, metadata=serial)) is None, "a name of each sample announces nothing"


def test_each_part_of_the_stream_has_its_error():
    before, after = stretch(0, 0, 200), stretch(1, 200, 30)
    after.value[::3] += 1.0
    rows = {row["slice"]: row for row in slices.by_slice(before, after)}
    assert rows["recipe=a"]["error"] > 5 * rows["recipe=b"]["error"]


def test_the_annotator_of_the_wild_labels_is_named():
    after = stretch(1, 200, 30)
    labels = tuple(({"annotator": "ann" if i % 3 == 0 else "bob", "value": 1.0},) for i in range(30))
    wild = np.arange(30) % 3 == 0
    assert slices.by_annotator(replace(after, labels=labels), wild) == ("ann", 1.0)
    assert slices.by_annotator(after, wild) is None


def test_the_onset_is_found_where_the_estimate_is_off(case):
    def change(now):
        now["values"][:, :, :3] += 4.0

    for begin in (8, 20, 32):
        assert abs(begin_of(replace(case(change), begin=begin)) - 20) <= 2


def test_the_suspected_onset_stays_where_nothing_parts_the_stretch(case):
    assert begin_of(case()) == 20


def test_a_refit_mends_a_slope_and_not_a_permutation():
    before, after = stretch(0, 0, 200), stretch(1, 200, 60)
    sloped = compare(before, replace(after, target=after.target + 0.5 * after.value))
    assert sloped.moved
    assert sloped.mended > 0.8
    permuted = compare(before, replace(after, target=np.roll(after.target, 9)))
    assert permuted.moved
    assert permuted.mended < 0.5
    assert not compare(before, after).moved
