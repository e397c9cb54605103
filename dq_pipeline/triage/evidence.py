"""All that is measured of a case before anything is concluded, and what was tried to part one cause from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dq_pipeline.triage import slices
from dq_pipeline.triage.answers import Errors, compare
from dq_pipeline.triage.case import Case, Stretch
from dq_pipeline.triage.delivery import Defect, defects
from dq_pipeline.triage.inputs import MISREAD, Inputs, corrected, look
from dq_pipeline.triage.onset import begin_of

OF_ERRORS = frozenset({"error", "contract", "unnoticed_error", "rollout"})
"""Kinds of alerts that speak of the error."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What was measured since the change: `after` are the samples from it on."""

    case: Case
    after: Stretch
    defects: tuple[Defect, ...]
    inputs: Inputs
    errors: Errors
    announced: slices.Announced | None

    @classmethod
    def of(cls, case: Case) -> Evidence:
        """Measure everything, from where the change seems to begin."""
        asked = any(one.get("kind") in OF_ERRORS for one in case.alerts)
        begin = begin_of(case, errors=asked)
        lead, after = case.since.part(slice(0, begin)), case.since.part(slice(begin, None))
        return cls(
            case,
            after,
            defects(case.before, after, case.missing),
            look(case.process, case.before, after, case.regimes),
            compare(case.before, after, lead=lead, asked=asked),
            slices.announced(case.before, after.part(slice(len(after) // 2, None))),
        )

    @property
    def onset(self) -> int:
        """Number of the first changed sample."""
        return int(self.after.number[0])

    def tried(self) -> tuple[Mapping[str, Any], ...]:
        """What was tried, for the record: the window through other releases, corrected sensors, and in parts."""
        errors, inputs = self.errors, self.inputs
        rows: list[Mapping[str, Any]] = [
            {"tried": "delivery", "found": "; ".join(one.text for one in self.defects) or "as before"},
            {"tried": "sensors", "found": "; ".join(f"{f.sensor}: {f.text}" for f in inputs.findings) or "as before"},
            {"tried": "levels", "found": dict(inputs.moved)},
            {"tried": "errors", **{name: round(getattr(errors, name), 3) for name in ("ratio", "bias", "mended")}},
        ]
        for version, (share, sure) in errors.shadows.items():
            rows.append({"tried": f"release {version}", "error_share": round(share, 3), "sure": round(sure, 1)})
        misread = inputs.of(MISREAD)
        if misread:
            again = look(self.case.process, self.case.before, corrected(self.case.process, self.after, misread), {})
            left = "; ".join(f.sensor for f in again.findings) or "as before"
            rows.append({"tried": "corrected sensors", "found": left})
        if self.announced is not None:
            rows.append({"tried": "metadata", "key": self.announced.key, "value": self.announced.value})
        return (*rows, *slices.by_slice(self.case.before, self.after))
