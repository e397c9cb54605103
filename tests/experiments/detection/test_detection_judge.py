from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.experiments.detection.judge import Effort, Verdict, judge
from dq_pipeline.experiments.detection.kinds import EIGHT
from dq_pipeline.experiments.detection.protocol import Raised, Series, Watched, first_after, tuned
from dq_pipeline.experiments.detection.streams import BEFORE


@dataclass(frozen=True)
class Largest:
    """The largest mean of a sample's sensors: as small a detector as the protocol allows."""

    name: str = "largest mean"
    thresholds: tuple[float, ...] = tuple(np.arange(1.0, 5.0, 0.1).tolist())

    def watch(self, case, thresholds):
        def raised(values, threshold):
            means = values.mean(axis=1)
            return [
                Raised(int(i), int(means[i].argmax()), float(i)) for i in np.flatnonzero(means.max(axis=1) > threshold)
            ]

        streams = [np.concatenate([case.quiet[:BEFORE], one]) for one in case.changed]
        return [
            Watched(
                len(raised(case.quiet, threshold)),
                tuple(first_after(raised(one, threshold)) for one in streams),
                0.0,
            )
            for threshold in thresholds
        ]


@pytest.fixture(scope="module")
def judged():
    return judge([Largest()], Effort(tuning=6, runs=4, quiet=1500, more=1), map)[0]


def test_any_detector_that_keeps_the_protocol_is_tuned_and_judged(judged):
    assert judged.tuned
    assert 0.2 < judged.rate < 3.0
    assert judged.alarms.shape == (4,)
    assert [len(judged.verdicts[kind.title].delays) for kind in EIGHT.values()] == [4] * 8
    assert len(judged.verdicts) > 8  # the first of the runs is made on the longer lists too
    assert min(len(verdict.delays) for verdict in judged.verdicts.values()) == 1


def test_a_detector_of_means_sees_a_shifted_mean_sooner_than_a_slope(judged):
    delays = {name: judged.verdicts[kind.title].delays.mean() for name, kind in EIGHT.items()}
    assert delays["one mean"] < delays["one slope"]


def test_a_verdict_counts_a_miss_as_300_and_asks_for_names_only_where_one_sensor_changes():
    first = [Raised(BEFORE + 4, 3, BEFORE + 2.0), Raised(BEFORE + 30, 5, BEFORE + 11.0), None, Raised(BEFORE, 3)]
    verdict = Verdict.of(EIGHT["one mean"], first)
    assert verdict.delays.tolist() == [5.0, 31.0, 300.0, 1.0]
    assert verdict.missed.tolist() == [0.0, 0.0, 1.0, 0.0]
    np.testing.assert_array_equal(verdict.named, [1.0, 0.0, np.nan, 1.0])
    np.testing.assert_array_equal(verdict.dated, [1.0, 0.0, np.nan, np.nan])
    assert np.isnan(Verdict.of(EIGHT["all means"], first).named).all()


@given(st.floats(0.1, 5.0), st.floats(0.5, 3.0))
def test_the_threshold_of_an_exponential_tail_is_found_between_those_tried(height, decay):
    tried = np.arange(0.0, 40.0, 0.5)
    alarms = 1000.0 * height * np.exp(-decay * tried)  # 1 in 1,000 of 100,000 samples are 100
    expected = np.log(10.0 * height) / decay
    assert tuned(tried, alarms, 100_000) == pytest.approx(expected, abs=1e-6)


def test_the_threshold_stays_among_those_tried():
    assert tuned([1.0, 2.0], [0, 0], 1000) == 1.0
    assert tuned([1.0, 2.0], [500, 400], 1000) == 2.0
    assert tuned([0.1], [0], 1000) == 0.1


def test_a_detector_that_starts_anew_is_silent_until_its_window_is_full():
    ends = np.arange(24, 124, 5)
    series = Series(ends, np.full(20, 2.0), np.zeros(20, np.int64), np.full(20, 7.0))
    assert [one.sample for one in series.alarms(1.0, 25)] == [24, 49, 74, 99]
    assert series.alarms(1.0, 25)[0] == Raised(24, 0, 7.0)
    assert series.alarms(2.0, 25) == []
