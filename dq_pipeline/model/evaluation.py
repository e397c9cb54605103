"""How good predictions are: one figure a metric, for all and for slices, with the last value beside each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from dq_pipeline.errors import DataError
from dq_pipeline.model.inference import Prediction, Task

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]


def mae(truth: Floats, value: Floats) -> float:
    """Mean absolute error, in the target's unit."""
    return float(np.mean(np.abs(truth - value)))


def window_error(truth: Floats, value: Floats, task: Task) -> float | None:
    """What a drift policy looks at: mean absolute error, or share of wrong classes, where the truth is known; or None.

    Examples
    --------
    >>> window_error(np.array([1.0, np.nan, 3.0]), np.array([2.0, 2.0, 3.0]), "regression")
    0.5
    """
    known = np.isfinite(truth)
    if not known.any():
        return None
    wrong = truth != value if task == "classification" else np.abs(truth - value)
    return float(np.mean(wrong[known]))


def rmse(truth: Floats, value: Floats) -> float:
    """Root mean squared error, in the target's unit."""
    return float(np.sqrt(np.mean((truth - value) ** 2)))


def r2(truth: Floats, value: Floats) -> float:
    """Coefficient of determination, at most 1; NaN where the truth does not vary.

    Examples
    --------
    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    0.5
    """
    spread = float(np.sum((truth - np.mean(truth)) ** 2))
    return 1.0 - float(np.sum((truth - value) ** 2)) / spread if spread > 0.0 else float("nan")


def accuracy(truth: Floats, value: Floats) -> float:
    """Share of class indices that are right."""
    return float(np.mean(truth == value))


def precision(truth: Floats, value: Floats) -> float:
    """Right among those predicted to be of a class, mean over the classes that occur; 0 where none is predicted."""
    return _macro(truth, value, lambda hits, _true, said: hits / said if said else 0.0)


def recall(truth: Floats, value: Floats) -> float:
    """Found among those of a class, mean over the classes that occur; 0 for a class only predicted."""
    return _macro(truth, value, lambda hits, true, _said: hits / true if true else 0.0)


def f1(truth: Floats, value: Floats) -> float:
    """Harmonic mean of precision and recall of a class, mean over the classes that occur."""
    return _macro(truth, value, lambda hits, true, said: 2.0 * hits / (true + said))


REGRESSION: Mapping[str, Metric] = MappingProxyType({"mae": mae, "rmse": rmse, "r2": r2})
CLASSIFICATION: Mapping[str, Metric] = MappingProxyType(
    {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}
)
METRICS: Mapping[str, Metric] = MappingProxyType({**REGRESSION, **CLASSIFICATION})
HIGHER_IS_BETTER = frozenset({"r2", *CLASSIFICATION, "roc_auc"})


def roc_auc(truth: Floats, probabilities: Floats) -> float:
    """Area under the ROC curve, one class against the rest, mean over classes with both kinds; NaN if there is none.

    Parameters
    ----------
    truth : (n,)
        Class indices.
    probabilities : (n, c)

    References
    ----------
    Hanley & McNeil (1982), The Meaning and Use of the Area under a ROC Curve, Radiology 143: the Mann-Whitney form.
    """
    areas = []
    for index in range(probabilities.shape[1]):
        true = truth == index
        positive, negative = int(true.sum()), int((~true).sum())
        if positive and negative:
            ranks = rankdata(probabilities[:, index])
            areas.append((float(ranks[true].sum()) - positive * (positive + 1) / 2) / (positive * negative))
    return float(np.mean(areas)) if areas else float("nan")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of n labelled predictions.

    Attributes
    ----------
    n
        Samples with a known truth.
    metrics
        Name -> figure.
    last_value
        The same figures of the simplest rival: every sample is predicted to be as the last labelled one was.
    coverage
        Share of truths within the interval or prediction set.
    slices
        Value of a metadata key -> its samples' figures.
    """

    n: int
    metrics: Mapping[str, float]
    last_value: Mapping[str, float]
    coverage: float
    slices: Mapping[str, Evaluation] = field(default_factory=dict)


def last_values(truth: Floats, before: float) -> Floats:
    """What was last known when each sample came (n,); `before` is the label known before the first.

    Examples
    --------
    >>> last_values(np.array([3.0, np.nan, 4.0, 5.0]), before=2.0).tolist()
    [2.0, 3.0, 3.0, 4.0]
    """
    known = np.concatenate([[before], truth])
    position = np.maximum.accumulate(np.where(np.isfinite(known), np.arange(len(known)), 0))
    return np.asarray(known[position[:-1]], dtype=np.float64)


def evaluate(
    truth: Floats,
    prediction: Prediction,
    task: Task,
    *,
    before: float = float("nan"),
    metadata: Sequence[Mapping[str, str]] = (),
    key: str | None = None,
) -> Evaluation:
    """Every metric of the task, for all samples and for each value of one metadata key.

    Parameters
    ----------
    truth : (n,)
        In time order; samples with NaN are left out.
    before
        The label known before the first sample; without one the rival's figures leave that sample out.
    metadata, key
        n mappings, and the key to slice by; samples without it form the slice ``(none)``.
    """
    if len(truth) != len(prediction.value):
        raise DataError(f"{len(prediction.value)} truths expected, one a prediction, found {len(truth)}")
    rival = last_values(truth, before)
    everything = np.flatnonzero(np.isfinite(truth))
    groups: dict[str, list[int]] = {}
    for i in everything.tolist() if key is not None else ():
        groups.setdefault(metadata[i].get(key or "", "(none)"), []).append(i)
    slices = {name: _figures(truth, prediction, rival, task, np.asarray(groups[name])) for name in sorted(groups)}
    whole = _figures(truth, prediction, rival, task, everything)
    return Evaluation(whole.n, whole.metrics, whole.last_value, whole.coverage, slices)


def _figures(truth: Floats, prediction: Prediction, rival: Floats, task: Task, index: NDArray[np.int64]) -> Evaluation:
    truth, rival, prediction = truth[index], rival[index], prediction.take(index)
    registry = REGRESSION if task == "regression" else CLASSIFICATION
    known = np.isfinite(rival)
    nothing = float("nan")
    metrics = {name: m(truth, prediction.value) if len(truth) else nothing for name, m in registry.items()}
    last = {name: m(truth[known], rival[known]) if known.any() else nothing for name, m in registry.items()}
    if prediction.probabilities is not None:
        metrics["roc_auc"] = roc_auc(truth, prediction.probabilities)
        sure = np.eye(prediction.probabilities.shape[1])[rival[known].astype(np.int64)]
        last["roc_auc"] = roc_auc(truth[known], sure)
    coverage = float(np.mean(prediction.covers(truth))) if len(truth) else nothing
    return Evaluation(len(truth), metrics, last, coverage)


def _macro(truth: Floats, value: Floats, figure: Callable[[float, float, float], float]) -> float:
    figures = []
    for index in np.union1d(truth, value):
        true, said = truth == index, value == index
        figures.append(figure(float(np.sum(true & said)), float(true.sum()), float(said.sum())))
    return float(np.mean(figures))
