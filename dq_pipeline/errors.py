"""Every error this package raises on purpose.

::

    DQError
    ├── ConfigurationError       a setting, process file or connection is wrong: a person must change it
    │   └── ProcessFileError     one process file, with every problem found in it
    ├── SampleError              one sample or message cannot be used: quarantined, the batch goes on
    ├── DataError                arrays that do not fit what a function needs (shape, too few samples)
    ├── LedgerError              the ledger refuses
    │   ├── LostClaimError       another attempt holds the claim now: this one must change nothing more
    │   └── StateError           what was asked for does not exist, or is not in the state it would need
    │       └── SupersededError  what it was made for is over: another release answers, or adaptation is on hold
    ├── StreamError              the stream cannot be read as asked
    │   └── DataLossError        offsets that were never read are gone from the topic
    ├── RegistryError            the model registry refuses or lacks what was asked for
    └── ServerError              a local server did not start or died

Anything else that escapes is a defect of ours.
"""

from __future__ import annotations

from dataclasses import dataclass


class DQError(Exception):
    """Root of all errors of this package."""


class ConfigurationError(DQError):
    """A setting, process file or connection is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a process file."""

    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.key}: expected {self.expected}; found {self.found}"


class ProcessFileError(ConfigurationError):
    """A process file is refused; `problems` holds everything wrong with it."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{file}: {len(problems)} problem{'s' if len(problems) != 1 else ''}\n{lines}")


class SampleError(DQError):
    """One sample or message cannot be used.

    Attributes
    ----------
    reason
        Short code that is counted and stored, one of :data:`dq_pipeline.samples.REASONS`.
    detail
        What was expected and what was found.
    sample_id
        The sample's id where it could be read.
    """

    def __init__(self, reason: str, detail: str, sample_id: str | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.sample_id = sample_id
        super().__init__(f"{reason}: {detail}")


class DataError(DQError):
    """Arrays do not fit what a function needs."""


class LedgerError(DQError):
    """The ledger refuses."""


class LostClaimError(LedgerError):
    """Another attempt holds the claim now; this one must change nothing more."""


class StateError(LedgerError):
    """What was asked for does not exist, or is not in the state the request needs."""


class SupersededError(StateError):
    """What a release was made for is over: another one answers by now, or adaptation is on hold."""


class StreamError(DQError):
    """The stream cannot be read as asked."""


class DataLossError(StreamError):
    """Offsets that were never read are gone from the topic."""


class RegistryError(DQError):
    """The model registry refuses, or lacks what was asked for."""


class ServerError(DQError):
    """A local server did not start, or died."""
