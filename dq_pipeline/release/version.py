"""A release's place in the registry: its version and its stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["None", "Staging", "Production", "Archived"]
"""What people see in MLflow."""

ALIASES: dict[str, Stage] = {"production": "Production", "staging": "Staging"}
"""What code reads, and the stage each alias goes with."""


@dataclass(frozen=True, slots=True)
class Version:
    """One registered release of a process.

    Attributes
    ----------
    process, version
        The registered model's name and the version's number as text.
    run_id
        The MLflow run the release was logged in.
    stage
        What people see.
    key
        The idempotency key it was logged under.
    digest
        SHA-256 of its ``release.json``, which in turn holds that of every other file.
    """

    process: str
    version: str
    run_id: str
    stage: Stage
    key: str
    digest: str
