"""frouros' Jensen-Shannon distance of a window from a reference, sensor by sensor; run in the peers' environment.

Arguments: `.npy` files of the reference and of the window, (samples, rows, sensors). Fits, says `ready`, and compares
once for every line it reads, answering the seconds.
"""

import sys
import time

import numpy as np
from frouros.detectors.data_drift import JS


def main(reference_file: str, window_file: str) -> None:
    """Answer until the input ends."""
    reference, window = (np.load(file) for file in (reference_file, window_file))
    sensors = range(reference.shape[2])
    columns = [np.ascontiguousarray(window[:, :, j]).ravel() for j in sensors]
    detectors = [JS() for _ in sensors]
    for j, detector in enumerate(detectors):
        detector.fit(X=np.ascontiguousarray(reference[:, :, j]).ravel())
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.thread_time()
        for detector, column in zip(detectors, columns, strict=True):
            detector.compare(X=column)
        print(time.thread_time() - began, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
