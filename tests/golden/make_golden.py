"""Cut the project's own golden file from the prototype's golden numbers: ``DQ_DATA_DIR=... python make_golden.py``.

Kept is the stream in which one sensor's mean shifts at sample 500, up to its first alarm: raw values of 40 samples
with the row constants of the reference (all of whose features agreed with the prototype to 1e-6), the features of all
samples, the contrasts of every 20th, the statistic and the first alarm.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dq_pipeline.profile.drift_features import features, fit_row_constants

REFERENCE, LENGTH, RAW = 200, 330, slice(480, 520)


def main() -> None:
    with np.load(Path(os.environ["DQ_DATA_DIR"]) / "golden" / "drift_sr.npz") as golden:
        raw = golden["mean_one_X"]
        constants = fit_row_constants(raw[:REFERENCE])
        agreed = np.abs(features(raw, constants) - golden["mean_one_features"]).max()
        if agreed > 1e-6:
            raise SystemExit(f"Features differ by {agreed}: the row constants would not be the prototype's")
        np.savez_compressed(
            Path(__file__).with_name("golden_sequential.npz"),
            raw=raw[RAW],
            raw_first=RAW.start,
            reference=REFERENCE,
            features=golden["mean_one_features"][: REFERENCE + LENGTH],
            contrasts=golden["mean_one_contrasts"][:LENGTH:20],
            statistic=golden["mean_one_M"][:LENGTH],
            thresholds=golden["mean_one_h"],
            alarm=golden["mean_one_alarms"][0],
            sensor=golden["mean_one_sensor"],
            **{f"row_{name}": array for name, array in constants.arrays().items()},
        )


if __name__ == "__main__":
    main()
