"""Channels that are no numbers: a valve's positions, recipes, lines of a log and small images beside four sensors.

A made-up plant sends them; they are encoded, scored, watched for drift and learned from as everything else is.
"""

from __future__ import annotations

from dataclasses import dataclass

from dq_pipeline.drift.calibration import Worlds
from dq_pipeline.experiments.experiment import Answer, Asked, Table
from dq_pipeline.experiments.heterogeneous import drift, levels, model, quality


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is made: seeds and recordings of quality and model, windows of chi-squared, and what is watched."""

    seeds: int
    judged: int
    windows: int
    drift: drift.Effort


FULL = Effort(5, 400, 2000, drift.Effort(tuning=20, tuned_over=1000, runs=16, quiet=600, worlds=Worlds()))
QUICK = Effort(1, 150, 100, drift.Effort(tuning=1, tuned_over=400, runs=1, quiet=310, worlds=Worlds(5, 200)))


def run(asked: Asked) -> Answer:
    """Six tables: faults and the channels' own dimensions, false alarms, drifts, and the model's error."""
    effort = QUICK if asked.quick else FULL
    faults, own = quality.rows(effort.seeds, effort.judged, lambda k, n: asked.report(k, n, "faults of channels"))
    learned = model.rows(effort.seeds, effort.judged)
    shares = levels.rows(effort.windows)
    found = drift.judge(effort.drift, lambda k, n: asked.report(k, n, "drifts of channels"))
    return [
        Table("channels/faults", "Faults of channels: the score and its dimensions", _FAULTS, tuple(faults)),
        Table("channels/own", "The channels' own completeness and timeliness", _OWN, tuple(own)),
        Table(
            "channels/chi_squared", "Chi-squared of a categorical sensor where nothing changes", _LEVELS, tuple(shares)
        ),
        Table("channels/drift", "Drifts of channels", _DRIFT, tuple(drift.delays(found))),
        Table(
            "channels/in_control",
            "False alarms on the plant's channels",
            _CONTROL,
            tuple(drift.in_control(found, effort.drift.quiet)),
        ),
        Table("channels/model", "What a model gains from channels", _MODEL, tuple(learned)),
    ]


_FAULTS = (
    "Made-up plant of four sensors, a valve, a recipe, a log and a camera; a fifth of the recordings carry the fault, "
    "severity uniform in [0.1, 1], the reference is the 300 recordings before. Areas under the curve of spoilt against "
    "clean recordings: of the score; of a score that is given the four sensors alone; of one that takes the channels' "
    "columns for readings, limits and all; and of each dimension over all columns. 0.5 means that it is not seen: a "
    "valve that is stuck or says open for closed shows what a valve may show, and no score of single recordings finds "
    "it here. The channels cost something: an offset of a sensor is one column in 26."
)
_OWN = (
    "Means over recordings, of faults by which something is lost or late. Completeness of one column of the channel "
    "beside that of the sensors, and timeliness of the channel's delay: a lost image, a silent log or a late line is "
    "the channel's own, and the sensors' stay whole. Late items are found by the values of that column, not by the "
    "timeliness of all columns, whose allowance is wide."
)
_LEVELS = (
    "Share of windows of 25 recordings of 60 rows, each after a reference of 200, with a p-value below 5 % and 1 %, in "
    "which nothing changes. Pearson's statistic takes rows for independent; Rao and Scott's divides it by the design "
    "effect of the reference's shares."
)
_DRIFT = (
    "Mean recordings from the change to the alarm, a miss counted as 300, of detectors tuned to 1 false alarm in 1,000 "
    "recordings on the same streams. Chi-squared looks at the valve and the recipe alone, over 25 recordings every 5; "
    "of the log and the camera it can say nothing, and what it names there is a false alarm. Named first: share of the "
    "alarms whose leading column is one of the channel, and of the categories or columns that changed."
)
_CONTROL = (
    "On other streams than those tuned on. Those that are not tuned keep their own thresholds: the sequential detector "
    "a budget of 1 in 1,000, chi-squared p < 0.001 of one sensor in one window. The budget is not kept on this plant: "
    "a recipe stays for a campaign, so that 200 recordings hold some 40, and the images' brightness wanders between "
    "recordings and rests within them. Both go on in ways that worlds resampled from single recordings do not."
)
_MODEL = (
    "Trees fitted on 400 recordings and judged on the later ones, with the sensors and with channels beside them; "
    "means over seeds. The temperature follows no channel: what is lost there is what useless columns cost."
)
