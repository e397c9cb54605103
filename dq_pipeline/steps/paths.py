"""Where things are in the lake; every path is keyed by the process, and a retry writes the same path again."""

from __future__ import annotations


def raw(process: str, batch_id: str) -> str:
    """Raw messages of a micro-batch."""
    return f"{process}/batches/{batch_id}/raw.arrow"


def assessed(process: str, batch_id: str, fence: int) -> str:
    """Folder of what one attempt at a micro-batch's assessment found; an orphaned attempt has one of its own."""
    return f"{process}/batches/{batch_id}/{fence}"


def history(process: str, run: str) -> str:
    """Folder of one initialization's history."""
    return f"{process}/history/{run}"


def challenger(process: str, key: str) -> str:
    """Folder of a release before it has a version."""
    return f"{process}/challengers/{key}"


def training_batch(process: str, content_hash: str) -> str:
    """Manifest of one version of what a model learned from."""
    return f"{process}/training/{content_hash}.json"


def period(process: str, version: str) -> str:
    """What the recordings were like that a release learned from."""
    return f"{process}/periods/{version}.npz"
