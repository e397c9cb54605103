"""`dq run`: the deployment loop without Airflow, of the same steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, errors, holder, world

if TYPE_CHECKING:
    from dq_pipeline.ports import World

POLL_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(run)


def run(
    process: ProcessName,
    once: Annotated[bool, typer.Option("--once", help="Take one micro-batch if one is ready, and end.")] = False,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is left to read.")] = False,
    adapt: Annotated[bool, typer.Option("--adapt/--no-adapt", help="Retrain and roll back when it is due.")] = True,
    as_json: AsJson = False,
) -> None:
    """Answer the process' stream in this process: for streams that cannot wait for a scheduler.

    The same steps as the DAG `<process>_deployment`, and it may run beside it: a micro-batch is claimed by one. Ends at
    Ctrl-C, after the micro-batch at hand. A failure lets the micro-batch go and waits longer each time::

        dq run vacuum
        dq run vacuum --until-idle --json
    """
    console = errors()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    with world() as opened:
        told = loop(opened, process, holder(), once=once, until_idle=until_idle, adapt=adapt, say=say)
    answer(
        told, as_json, f"{told['batches']} micro-batches, {told['predictions']} predictions, {told['alarms']} alarms"
    )
    raise typer.Exit(1 if told["failures"] and (once or until_idle) else 0)


def loop(
    world: World,
    process: str,
    holder: str,
    *,
    once: bool = False,
    until_idle: bool = False,
    adapt: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Take micro-batches until told to end; returns counts."""
    from dq_pipeline.steps import Watch

    watch, told = Watch(world, process), {"batches": 0, "predictions": 0, "alarms": 0, "adaptations": 0, "failures": 0}
    state = ""
    try:
        while True:
            look = watch.look()
            if look.state != state:
                state = look.state
                say(f"{process}: {look.state} ({look.why})")
            if look.fire:
                _attempt(world, process, holder, told, adapt=adapt, say=say)
            idle = not look.fire and look.state == "waiting for samples" and look.lag == 0
            if once or (until_idle and (idle or look.state == "waiting for a release")):
                return told
            if not look.fire:
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        return told


def _attempt(
    world: World, process: str, holder: str, told: dict[str, int], *, adapt: bool, say: Callable[[str], None]
) -> None:
    try:
        turn(world, process, holder, told, adapt=adapt, say=say)
    except BaseException as error:
        world.ledger.let_go(process, holder, f"{type(error).__name__}: {error}", datetime.now(UTC))
        if not isinstance(error, Exception):
            raise
        told["failures"] += 1
        say(f"{process}: {type(error).__name__}: {error}")


def turn(
    world: World,
    process: str,
    holder: str,
    told: dict[str, int],
    *,
    adapt: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """One run of the deployment: pull, assess, act, and whatever the ledger then asks for."""
    from dq_pipeline import steps

    pulled = steps.pull(world, process, holder=holder)
    if pulled is None:
        steps.drain(world, process)  # what a killed run left in the outbox
        return
    assessed = steps.assess(world, process, batch_id=pulled["batch_id"], holder=holder)
    acted = steps.act(world, process, batch_id=pulled["batch_id"], holder=holder)
    told["batches"] += 1
    told["predictions"] += acted["predictions"]
    told["alarms"] += acted["alarms"]
    found = f"{acted['predictions']} predicted, {assessed['quarantined']} quarantined, {acted['alarms']} alarms"
    drift = f", drift seen {acted['drift_alarms']} times" if acted["drift_alarms"] else ""
    say(f"{process}: batch {pulled['sequence']}: {found}{drift}")
    if not adapt:
        return
    decided = steps.decide(world, process)
    if decided["branch"] == "adapt":
        told["adaptations"] += 1
        say(f"{process}: {decided['kind']}: {decided['why']}")
        _adapt(world, process, decided, say)
    elif decided["branch"] == "roll_back":
        say(f"{process}: rolling back to {decided['version']}: {decided['why']}")
        steps.roll_back(world, process, version=decided["version"], who="dq", why=decided["why"])


def _adapt(world: World, process: str, decided: dict[str, Any], say: Callable[[str], None]) -> None:
    from dq_pipeline import steps

    key = steps.retrain(world, process, event=decided["event"], kind=decided["kind"])["key"]
    judged = steps.evaluate(world, process, key=key)
    if not judged["passed"]:
        steps.reject(world, process, key=key, why=judged["why"])
        say(f"{process}: challenger rejected: {judged['why']}")
        return
    staged = steps.stage(world, process, key=key)
    if world.process(process).promotion.approval == "human":
        say(f"{process}: release {staged['version']} waits for `dq promote {process} {staged['version']}`")
        return
    steps.promote(world, process, key=key)
    say(f"{process}: release {staged['version']} is in Production")
