"""A release as MLflow's `python_function` flavour: what `mlflow.pyfunc.load_model` and `mlflow models serve` load."""

from __future__ import annotations

import logging
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dq_pipeline.release.bundle import Release

with warnings.catch_warnings():
    # MLflow finds fault with its own type hints when it is imported
    warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType.*", category=UserWarning)
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip, which uv does without

COLUMNS = ("value", "lower", "upper")


class ServedRelease:
    """Predicts bare values (n, rows, sensors) placed on the clock's grid."""

    def __init__(self, release: Release) -> None:
        self.release = release

    def predict(self, model_input: NDArray[np.float64], params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row a sample: prediction and the bounds of its interval."""
        del params  # the flavour's signature has it
        found = self.release.model.predict(self.release.features.matrix(np.asarray(model_input, dtype=np.float64)))
        return pd.DataFrame({name: getattr(found, name) for name in COLUMNS})


def pack(release: Path, packed: Path, description: dict[str, Any]) -> None:
    """Write the model folder that MLflow loads: the release as its data, this module as its loader, no pickle.

    Parameters
    ----------
    release, packed
        Folder of the release, and the folder to write.
    description
        Of the release, from which the signature follows.
    """
    rows, sensors = description["settings"]["sample"]["horizon_rows"], len(description["settings"]["sensors"])
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float64), (-1, rows, sensors))]),
        outputs=Schema([ColSpec("double", name) for name in COLUMNS]),
    )
    with warnings.catch_warnings():
        # the signature is given; an example recording would only be stored once more with every release
        warnings.filterwarnings("ignore", message=".*An input example was not provided.*", category=UserWarning)
        mlflow.pyfunc.save_model(
            path=str(packed),
            loader_module=__name__,
            data_path=str(release),
            signature=signature,
            # given, because guessing them takes MLflow seconds
            pip_requirements=[f"{name}=={version(name)}" for name in ("numpy", "pandas", "xgboost-cpu")],
        )


def _load_pyfunc(path: str) -> ServedRelease:
    """Called by MLflow with the folder of the release."""
    return ServedRelease(Release.load(Path(path)))
