"""Read by the tests' own Airflow from its config folder: holds a task still inside one call, until a test lets it go.

The scheduler wraps a few methods of the adapters; its workers, and their tasks, are forked from it. `trap.json` beside
this file says where to stop. The first task that comes by takes it away, writes `held.json`, and waits for `go`.
"""

import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

__all__: list[str] = []  # nothing here is a setting

FOLDER = Path(__file__).parent
PATIENCE_S = 180.0
METHODS = {
    "KafkaStream": ("read", "publish"),
    "FsspecLake": ("put",),
    "PostgresLedger": ("commit", "mark_landed", "mark_assessed"),
}
_calls: dict[str, int] = {}


def _wrap(owner: type, method: str) -> None:
    real = getattr(owner, method)
    name = f"{owner.__name__}.{method}"

    @functools.wraps(real)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trap = _spring(name)
        if trap is None:
            return real(*args, **kwargs)
        if trap["when"] == "after":
            found = real(*args, **kwargs)
            _hold()
            return found
        _hold()
        try:
            found = real(*args, **kwargs)
        except Exception as error:
            _write("ended.json", {"error": type(error).__name__, "text": str(error)})
            raise
        _write("ended.json", {"error": None, "text": ""})
        return found

    setattr(owner, method, wrapped)


def _spring(name: str) -> dict[str, Any] | None:
    """The trap, if it stands at this call of this task; it is gone then."""
    try:
        trap: dict[str, Any] = json.loads((FOLDER / "trap.json").read_text())
    except FileNotFoundError:
        return None
    if trap["call"] != name or trap["task"] != _task():
        return None
    _calls[name] = _calls.get(name, 0) + 1
    if _calls[name] != trap["nth"]:
        return None
    (FOLDER / "trap.json").unlink()
    return trap


def _task() -> str:
    from airflow.sdk import get_current_context

    try:
        instance: Any = get_current_context()["ti"]
    except RuntimeError:  # not within a task
        return ""
    return f"{instance.dag_id}.{instance.task_id}"


def _hold() -> None:
    _write("held.json", {"pid": os.getpid()})
    deadline = time.monotonic() + PATIENCE_S
    while not (FOLDER / "go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"held for {PATIENCE_S:.0f} s, and nobody let go")
        time.sleep(0.05)


def _write(name: str, value: dict[str, Any]) -> None:
    new = FOLDER / f"{name}.new"
    new.write_text(json.dumps(value))
    new.replace(FOLDER / name)


if "scheduler" in sys.argv[1:2]:
    from dq_pipeline.adapters.kafka import KafkaStream
    from dq_pipeline.adapters.lake import FsspecLake
    from dq_pipeline.adapters.ledger import PostgresLedger

    for _owner in (KafkaStream, FsspecLake, PostgresLedger):
        for _method in METHODS[_owner.__name__]:
            _wrap(_owner, _method)
