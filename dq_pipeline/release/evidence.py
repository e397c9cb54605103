"""What the gates are asked about a challenger, as a file beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dq_pipeline.release.promotion import Evidence
from dq_pipeline.storage import from_npz, to_npz


def evidence_to_bytes(evidence: Evidence | None) -> bytes:
    """What the gates need, as npz; nothing where the model is carried over and was judged before."""
    if evidence is None:
        return to_npz({"empty": np.zeros(0)})
    arrays: dict[str, NDArray[Any]] = {
        "truth": evidence.truth,
        "challenger": evidence.challenger,
        "covered": evidence.covered,
        "figures": np.array([evidence.coverage, evidence.retained, evidence.latency_ms]),
    }
    if evidence.champion is not None:
        arrays["champion"] = evidence.champion
    return to_npz(arrays)


def evidence_from_bytes(data: bytes) -> Evidence | None:
    """What :func:`evidence_to_bytes` wrote."""
    arrays = from_npz(data, "a challenger's evidence")
    if "empty" in arrays:
        return None
    coverage, retained, latency_ms = arrays["figures"].tolist()
    return Evidence(
        truth=arrays["truth"],
        challenger=arrays["challenger"],
        champion=arrays.get("champion"),
        covered=arrays["covered"],
        coverage=coverage,
        retained=retained,
        latency_ms=latency_ms,
    )
