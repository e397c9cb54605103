"""What frouros' JS and alibi-detect's KSDrift say of windows of rows; run in the peers' environment.

Argument: `frouros` or `alibi-detect`. A request names `.npy` files: the reference's rows (r, f) and windows (k, w, f).
The answer holds the distance of every window and sensor, and the seconds of the processor for a window.
"""

import sys
import time
from importlib.metadata import version

import numpy as np
from lines import serve


def frouros(reference, windows):
    """One fit a sensor, then one `compare` a window."""
    from frouros.detectors.data_drift import JS

    fitted = [JS() for _ in reference.T]
    for detector, column in zip(fitted, reference.T, strict=True):
        detector.fit(X=column.copy())
    for window in windows:
        yield [float(one.compare(X=column.copy())[0].distance) for one, column in zip(fitted, window.T, strict=True)]


def alibi_detect(reference, windows):
    """One fit, then one `predict` a window."""
    from alibi_detect.cd import KSDrift

    fitted = KSDrift(reference, p_val=0.05, correction="bonferroni")
    for window in windows:
        yield [float(one) for one in fitted.predict(window)["data"]["distance"]]


PEERS = {"frouros": frouros, "alibi-detect": alibi_detect}


def answer(name, request):
    """Distances of all windows."""
    found = PEERS[name](np.load(request["reference"]), np.load(request["windows"]))
    first = next(found)
    began = time.process_time()
    rest = list(found)
    return {"distances": [first, *rest], "seconds": (time.process_time() - began) / max(len(rest), 1)}


if __name__ == "__main__":
    serve(lambda: ({sys.argv[1]: version(sys.argv[1])}, lambda request: answer(sys.argv[1], request)))
