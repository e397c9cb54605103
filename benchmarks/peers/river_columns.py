"""Detectors of river on the mean and the sd of every sensor's samples; run in the peers' environment.

Argument: `adwin`, `page_hinkley`, `page_hinkley_0.25` or `kswin`. A request names `.npy` files of columns (n, c),
scaled by the reference, of which the first half are the sensors' means and the others their standard deviations: the
reference, the samples after it, and (k, m, c) what follows the first `before` of them instead. Each column has a
detector of its own that has seen the reference; an alarm of any of them is an alarm, once a sample.
"""

import copy
import math
import random
import sys
import time
from importlib.metadata import version

import numpy as np
from lines import serve
from river import drift

MAKE = {
    "adwin": lambda threshold: drift.ADWIN(delta=10.0**-threshold, clock=4),
    "page_hinkley": lambda threshold: drift.PageHinkley(threshold=threshold),
    "page_hinkley_0.25": lambda threshold: drift.PageHinkley(threshold=threshold, delta=0.25),
    "kswin": lambda _: drift.KSWIN(alpha=1e-300, seed=1),
}
"""From a threshold to a detector; KSWIN is asked for its p-values instead, see `watch_p`."""


class Columns:
    """A detector for each column, and what they have said."""

    def __init__(self, name, threshold, columns):
        self.each = [MAKE[name](threshold) for _ in range(columns)]
        self.seen = 0
        self.raised = []

    def take(self, rows):
        """Feed the rows (n, c)."""
        half = len(self.each) // 2
        for row in rows.tolist():
            for c, (detector, value) in enumerate(zip(self.each, row, strict=True)):
                if math.isnan(value):
                    continue
                detector.update(value)
                if detector.drift_detected and (not self.raised or self.raised[-1][0] != self.seen):
                    began = self.seen + 1 - detector.width if hasattr(detector, "width") else None
                    self.raised.append((self.seen, c % half, began))
            self.seen += 1
        return self

    def after_reference(self):
        """Count from here, and forget what was said before."""
        self.seen, self.raised = 0, []
        return self


class PValues(Columns):
    """The least p-value of the columns, sample by sample, of detectors that never alarm."""

    def take(self, rows):
        """Feed the rows (n, c)."""
        half = len(self.each) // 2
        for row in rows.tolist():
            p = []
            for detector, value in zip(self.each, row, strict=True):
                if not math.isnan(value):
                    detector.update(value)
                p.append(detector.p_value if len(detector.window) >= detector.window_size else 1.0)
            least = int(np.argmin(p))
            self.raised.append((self.seen, least % half, p[least]))
            self.seen += 1
        return self


def crossings(found, threshold, pause):
    """Alarms of KSWIN at -log10 of a p-value: after each it keeps 30 values and is silent until it holds 100 again."""
    raised = []
    for sample, sensor, p in found:
        if p <= 10.0**-threshold and (not raised or sample >= raised[-1][0] + pause):
            raised.append((sample, sensor, None))
    return raised


def first(raised, before):
    """The first alarm not before the change."""
    return next((one for one in raised if one[0] >= before), None)


def watch(name, request):
    """One answer a threshold."""
    reference, quiet, changed = (np.load(request[key]) for key in ("reference", "quiet", "changed"))
    before, samples = request["before"], len(quiet) + sum(map(len, changed))
    random.seed(1)
    answers = []
    shared = None
    for threshold in request["thresholds"]:
        began = time.process_time()
        if name != "kswin" or shared is None:
            kind = PValues if name == "kswin" else Columns
            start = kind(name, threshold, reference.shape[1]).take(reference).after_reference().take(quiet[:before])
            followed = [copy.deepcopy(start).take(one).raised for one in changed]
            shared = [start.take(quiet[before:]).raised, *followed]
            took = time.process_time() - began
        series = [crossings(one, threshold, 70) for one in shared] if name == "kswin" else shared
        firsts = [first(one, before) for one in series[1:]]
        answers.append({"alarms": len(series[0]), "first": firsts, "seconds": 1000.0 * took / samples})
    return {"watched": answers}


if __name__ == "__main__":
    serve(lambda: ({"river": version("river")}, lambda request: watch(sys.argv[1], request)))
