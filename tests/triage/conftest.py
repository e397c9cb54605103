"""A rig with a release that answers it: five sensors that follow two hidden levels, and one, f, that follows none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dq_pipeline.process import Process
from dq_pipeline.process_file import parse
from dq_pipeline.triage.case import Case, Stretch

SENSORS = {"a": "bar", "b": "degC", "c": "l/min", "d": "A", "e": "rpm", "f": "W"}
BEFORE, LEAD, SINCE = 200, 20, 30


@pytest.fixture(scope="session")
def process() -> Process:
    return parse(
        {
            "process": "rig",
            "title": "Rig",
            "stream": {"topic": "t", "labels_topic": "l"},
            "sample": {"rows": 30, "period_s": 1, "horizon_rows": 20, "profile_rows": 30},
            "sensors": {name: {"unit": unit, "range": [-1e6, 1e6]} for name, unit in SENSORS.items()},
            "target": {"name": "y", "from": "labels"},
            "history": {"uri": "x.parquet", "id": "i"},
        },
        "rig.yaml",
    )


def stretch(seed: int, first: int, n: int) -> Stretch:
    """Samples while all is well: answers with an error of 0.1, labels at once, 4 seconds late."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 2))
    mix = np.array([[1.0, 0.2], [0.8, -0.6], [0.1, 1.0], [-0.7, 0.7], [0.5, 0.9]])
    level = np.concatenate([hidden @ mix.T + 0.1 * rng.normal(size=(n, 5)), rng.normal(size=(n, 1))], axis=1)
    centre = np.array([20.0, 40.0, 60.0, 25.0, 35.0, 50.0])
    values = centre + level[:, None, :] + 0.2 * rng.normal(size=(n, 30, 6))
    target = hidden[:, 0] + 2.0 * hidden[:, 1]
    value = target + 0.1 * rng.normal(size=n)
    nothing = np.full(n, np.nan)
    return Stretch(
        number=np.arange(first, first + n),
        values=values,
        target=target,
        value=value,
        lower=nothing,
        upper=nothing,
        release=("2",) * n,
        dimensions=np.full((n, 5), np.nan),
        late=4.0 * np.exp(0.3 * rng.normal(size=n)),
        source=("rig",) * n,
        metadata=tuple({"recipe": "abc"[i % 3]} for i in range(n)),
        features=np.zeros((n, 0)),
        labels=((),) * n,
        shadow={"1": target + 0.12 * rng.normal(size=n)},
        disordered=np.zeros(n),
    )


@pytest.fixture(scope="session")
def case(process: Process) -> Callable[..., Case]:
    """A case whose samples from the 20th of `since` on are changed by `change`, which edits a dict of arrays."""

    def made(
        change: Callable[[dict[str, Any]], None] | None = None, seed: int = 0, n: int = SINCE, **told: Any
    ) -> Case:
        before, since = stretch(seed, 0, BEFORE), stretch(seed + 1000, BEFORE, LEAD + n)
        lead, after = since.part(slice(0, LEAD)), since.part(slice(LEAD, None))
        names = ("values", "target", "value", "late", "disordered", "metadata", "release", "labels")
        arrays: dict[str, Any] = {name: getattr(after, name) for name in names}
        arrays = {k: v.copy() if isinstance(v, np.ndarray) else list(v) for k, v in arrays.items()}
        arrays["rng"], arrays["shadow"] = np.random.default_rng(seed), dict(after.shadow)
        if change is not None:
            change(arrays)
        del arrays["rng"]
        changed = {
            k: np.concatenate([getattr(lead, k), v]) if isinstance(v, np.ndarray) else (*getattr(lead, k), *v)
            for k, v in arrays.items()
            if k != "shadow"
        }
        shadow = {v: np.concatenate([lead.shadow.get(v, lead.value), said]) for v, said in arrays["shadow"].items()}
        return Case(process, before, replace(since, shadow=shadow, **changed), LEAD, **told)

    return made
