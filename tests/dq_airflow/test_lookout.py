from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from dq_airflow.lookout import RETRY_MOST_S, Lookout
from dq_pipeline.errors import DataLossError, LedgerError, StateError, StreamError
from dq_pipeline.process_file import load

VACUUM = Path(__file__).resolve().parents[2] / "dags" / "processes" / "vacuum.yaml"


class Worlds:
    """Opens worlds whose ledger does as it is told, and counts them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.production: Callable[[str], Any] = lambda _: None
        self.opened = self.closed = 0

    @contextmanager
    def open(self) -> Iterator[Any]:
        self.opened += 1
        ledger = SimpleNamespace(production=lambda process: self.production(process))
        try:
            yield SimpleNamespace(ledger=ledger, process=lambda _: load(self.file))
        finally:
            self.closed += 1

    def fail_with(self, error: Exception) -> None:
        def fail(process: str) -> None:
            raise error

        self.production = fail


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy = tmp_path / "vacuum.yaml"
    copy.write_text(VACUUM.read_text())
    return copy


@pytest.fixture
def worlds(file: Path) -> Worlds:
    return Worlds(file)


@pytest.fixture
def lookout(worlds: Worlds, file: Path) -> Lookout:
    return Lookout("vacuum", file, worlds.open, poll_s=0.5)


def test_says_that_it_waits_for_a_release(lookout: Lookout) -> None:
    look = lookout.look()
    assert (look.verdict, look.state, look.pause_s) == ("wait", "waiting for a release", 0.5)
    assert look.as_dict()["fire"] is False
    assert "vacuum_initialization" in look.why


def test_keeps_one_world(lookout: Lookout, worlds: Worlds) -> None:
    for _ in range(3):
        lookout.look()
    lookout.close()
    assert (worlds.opened, worlds.closed) == (1, 1)


GONE = OperationalError("select", {}, Exception("server closed the connection"))


def unreachable() -> LedgerError:
    error = LedgerError("A PostgreSQL server expected")
    error.__cause__ = GONE
    return error


@pytest.mark.parametrize("error", [StreamError("no broker"), GONE, ConnectionRefusedError("no"), unreachable()])
def test_waits_longer_for_a_server_that_does_not_answer(lookout: Lookout, worlds: Worlds, error: Exception) -> None:
    worlds.fail_with(error)
    looks = [lookout.look() for _ in range(9)]
    assert {look.verdict for look in looks} == {"wait"}
    assert {look.state for look in looks} == {"a server does not answer"}
    assert [look.pause_s for look in looks[:4]] == [1.0, 2.0, 4.0, 8.0]
    assert looks[-1].pause_s == RETRY_MOST_S
    assert worlds.opened == worlds.closed == 9  # each look with connections of its own
    worlds.production = lambda _: None
    assert lookout.look().state == "waiting for a release"
    worlds.fail_with(error)
    assert lookout.look().pause_s == 1.0  # it begins anew


@pytest.mark.parametrize(
    "error", [StateError("impossible"), DataLossError("gone"), TypeError("a defect"), LedgerError("x")]
)
def test_raises_anything_else(lookout: Lookout, worlds: Worlds, error: Exception) -> None:
    worlds.fail_with(error)
    with pytest.raises(type(error)):
        lookout.look()


def test_a_changed_process_file_ends_the_wait_once(lookout: Lookout, file: Path) -> None:
    lookout.look()
    file.write_text(file.read_text().replace("min_samples: 25", "min_samples: 5"))
    look = lookout.look()
    assert (look.verdict, look.as_dict()["fire"]) == ("renew", False)
    assert lookout.look().verdict == "wait"


@pytest.mark.parametrize("text", ["process: vacuum\nsurprise: 1\n", "{", None])
def test_holds_while_the_process_file_is_bad(lookout: Lookout, worlds: Worlds, file: Path, text: str | None) -> None:
    good = file.read_text()
    file.unlink() if text is None else file.write_text(text)
    for _ in range(2):
        look = lookout.look()
        assert (look.verdict, look.state) == ("wait", "process file refused")
        assert str(file) in look.why
    file.write_text(good)
    assert lookout.look().state == "waiting for a release"
    assert worlds.opened == 1


def test_holds_when_the_file_was_bad_from_the_beginning(worlds: Worlds, file: Path) -> None:
    good = file.read_text()
    file.write_text("process: vacuum\n")
    lookout = Lookout("vacuum", file, worlds.open, poll_s=0.5)
    assert lookout.look().state == "process file refused"
    file.write_text(good)
    assert lookout.look().verdict == "renew"
