"""What whylogs needs to profile windows of rows; run in the peers' environment.

Argument: `whylogs`. A request names an `.npy` file: windows (k, w, f). The answer holds the processor seconds of each
but the first, which warms up.
"""

import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
import whylogs
from lines import serve


def answer(request):
    """Seconds for the windows after the first."""
    seconds = []
    for window in np.load(request["windows"]):
        frame = pd.DataFrame(window, columns=[f"s{j}" for j in range(window.shape[1])])
        began = time.process_time()
        whylogs.log(frame)
        seconds.append(time.process_time() - began)
    return {"seconds": seconds[1:]}


if __name__ == "__main__":
    serve(lambda: ({sys.argv[1]: version(sys.argv[1])}, answer))
