"""The pools that tasks run in: answering never waits behind learning."""

from __future__ import annotations

from types import MappingProxyType

ANSWER = "dq_answer"
LEARN = "dq_learn"

POOLS = MappingProxyType(
    {
        ANSWER: (64, "Tasks between a message and its answer: short, never waiting for the others"),
        LEARN: (2, "Tasks that train and read history: at most this many at once on one installation"),
    }
)
"""Name -> slots, description."""
