from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dq_pipeline import steps
from dq_pipeline.cli import run
from dq_pipeline.cli.background import State
from dq_pipeline.steps.readiness import Readiness

READY = Readiness(True, "ready", "25 unread messages", 25)
IDLE = Readiness(False, "waiting for samples", "nothing unread")


@dataclass
class Ledger:
    let_go_by: list[str] = field(default_factory=list)

    def let_go(self, process: str, holder: str, error: str, now: Any) -> None:
        self.let_go_by.append(f"{holder}: {error}")


@dataclass
class World:
    ledger: Ledger = field(default_factory=Ledger)


@pytest.fixture
def play(monkeypatch):
    """Replace the steps: each gives its answer, or the next of a list, or raises it."""
    called: list[str] = []

    def prepare(looks: list[Readiness], **answers: Any) -> list[str]:
        queue = list(looks)

        class Watch:
            def __init__(self, *_: Any) -> None:
                pass

            def look(self) -> Readiness:
                return queue.pop(0) if queue else IDLE

        monkeypatch.setattr(steps, "Watch", Watch)
        monkeypatch.setattr(run, "POLL_S", 0.0)
        defaults = {
            "pull": {"batch_id": "b", "sequence": 1, "messages": 2},
            "assess": {"quarantined": 0},
            "act": {"predictions": 2, "alarms": 1, "drift_alarms": 0},
            "decide": {"branch": "nothing"},
            "govern": {"branch": "nothing"},
            "drain": 0,
            "roll_back": {},
        }
        for name, default in defaults.items():
            answer = answers.get(name, default)

            def step(*_: Any, _name: str = name, _answer: Any = answer, **__: Any) -> Any:
                called.append(_name)
                if isinstance(_answer, list):
                    _answer = _answer.pop(0) if len(_answer) > 1 else _answer[0]
                if isinstance(_answer, BaseException):
                    raise _answer
                return {"promoted": None, **_answer} if _name == "decide" else _answer

            monkeypatch.setattr(steps, name, step)
        return called

    return prepare


def test_takes_what_is_ready_and_ends_when_idle(play):
    called = play([READY, READY, IDLE])
    told = run.loop(World(), "p", "cli:here:1", until_idle=True)  # type: ignore[arg-type]
    assert called == ["pull", "assess", "act", "decide", "govern"] * 2
    assert (told["batches"], told["predictions"], told["alarms"], told["failures"]) == (2, 4, 2, 0)


def test_once_is_one_look(play):
    called = play([IDLE, READY])
    assert run.loop(World(), "p", "h", once=True)["batches"] == 0  # type: ignore[arg-type]
    assert called == []


def test_a_failure_lets_the_batch_go_and_the_loop_goes_on(play):
    play([READY, READY, IDLE], assess=RuntimeError("broken"))
    world, said = World(), []
    told = run.loop(world, "p", "cli:here:1", until_idle=True, say=said.append)  # type: ignore[arg-type]
    assert told["failures"] == 2
    assert world.ledger.let_go_by == ["cli:here:1: RuntimeError: broken"] * 2
    assert any("RuntimeError: broken" in line for line in said)


def test_ctrl_c_lets_the_batch_go_too(play):
    play([READY], act=KeyboardInterrupt())
    world = World()
    assert run.loop(world, "p", "h")["batches"] == 0  # type: ignore[arg-type]
    assert len(world.ledger.let_go_by) == 1


class Learner:
    """An adaptation that ends after so many looks."""

    def __init__(self, looks: int, end: State) -> None:
        self.left, self.end, self.stopped = looks, end, False

    def poll(self, say: Callable[[str], None]) -> State:
        self.left -= 1
        if self.left >= 0:
            return "going on"
        say("learned")
        return self.end

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Learning:
    """What `learn` is given: begins such adaptations and keeps them."""

    looks: int = 3
    end: State = "done"
    begun: list[Learner] = field(default_factory=list)

    def __call__(self, world: Any, process: str, holder: str) -> Learner:
        self.begun.append(Learner(self.looks, self.end))
        return self.begun[-1]


ADAPT = {"branch": "adapt", "kind": "refit", "event": 1, "why": "alarm"}


def test_the_stream_goes_on_while_it_learns(play):
    called = play([READY, READY, READY, IDLE], decide=[ADAPT, {"branch": "nothing"}])
    learning, said = Learning(), []
    told = run.loop(World(), "p", "h", until_idle=True, say=said.append, learn=learning)  # type: ignore[arg-type]
    batch = ["pull", "assess", "act", "decide"]
    assert called[:14] == [*batch, *batch, "govern", *batch, "govern"], "three batches before it ended"
    assert said.count("learned") == 1, "waited for at the end"
    assert (told["adaptations"], len(learning.begun), learning.begun[0].stopped) == (1, 1, False)


def test_what_was_asked_for_meanwhile_follows(play):
    called = play([READY, IDLE], decide=[ADAPT, ADAPT, {"branch": "nothing"}])
    learning = Learning(looks=1)
    told = run.loop(World(), "p", "h", until_idle=True, learn=learning)  # type: ignore[arg-type]
    assert (told["adaptations"], len(learning.begun)) == (2, 2)
    assert called == ["pull", "assess", "act", "decide", "decide", "decide", "govern"]


def test_the_governor_is_asked_where_nothing_else_is_due(play):
    called = play([READY, IDLE], govern=[{**ADAPT, "trigger": "labels"}, {"branch": "nothing"}])
    told = run.loop(World(), "p", "h", until_idle=True, learn=Learning(looks=1))  # type: ignore[arg-type]
    assert told["adaptations"] == 1
    assert called == ["pull", "assess", "act", "decide", "govern", "decide", "govern"]


def test_once_waits_for_what_it_began(play):
    play([READY, READY], decide=ADAPT)
    learning, said = Learning(), []
    told = run.loop(World(), "p", "h", once=True, say=said.append, learn=learning)  # type: ignore[arg-type]
    assert (told["batches"], told["adaptations"], said[-1]) == (1, 1, "learned")


def test_a_failed_adaptation_waits_for_the_next_batch(play):
    called = play([READY, IDLE], decide=ADAPT)
    learning = Learning(looks=1, end="failed")
    told = run.loop(World(), "p", "h", until_idle=True, learn=learning)  # type: ignore[arg-type]
    assert (told["failures"], len(learning.begun)) == (1, 1)
    assert called == ["pull", "assess", "act", "decide"]


def test_ctrl_c_ends_the_adaptation_too(play):
    play([READY, READY], decide=ADAPT, act=[{"predictions": 2, "alarms": 1, "drift_alarms": 0}, KeyboardInterrupt()])
    learning = Learning()
    run.loop(World(), "p", "h", learn=learning)  # type: ignore[arg-type]
    assert learning.begun[0].stopped


def test_rolls_back_when_it_is_due_and_not_when_told_not_to(play):
    called = play([READY, IDLE], decide={"branch": "roll_back", "version": "1", "why": "worse"})
    run.loop(World(), "p", "h", until_idle=True)  # type: ignore[arg-type]
    assert called[-1] == "roll_back"
    called.clear()
    play([READY, IDLE], decide={"branch": "roll_back", "version": "1", "why": "worse"})
    run.loop(World(), "p", "h", until_idle=True, adapt=False)  # type: ignore[arg-type]
    assert called == ["pull", "assess", "act"]


def test_drains_what_a_killed_run_left(play):
    called = play([READY, IDLE], pull=None)
    run.loop(World(), "p", "h", until_idle=True)  # type: ignore[arg-type]
    assert called == ["pull", "drain"]
