"""`dq run`: the deployment loop without Airflow, of the same steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dq_pipeline.cli.background import Child, Learner, State
from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, errors, holder, world

if TYPE_CHECKING:
    from dq_pipeline.steps import Held
    from dq_pipeline.wiring import World

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

    The same steps as the DAGs `<process>_deployment` and `<process>_adaptation`, and it may run beside them: a
    micro-batch, or an adaptation, is claimed by one. A retraining goes on beside the stream in a process of its own;
    `--once` and `--until-idle` wait for it. Ends at Ctrl-C. A failure lets the micro-batch go and waits longer each
    time::

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
    learn: Callable[[World, str, str], Learner] = Child,
) -> dict[str, Any]:
    """Take micro-batches until told to end, and adapt beside them; returns counts.

    Parameters
    ----------
    learn
        Begins an adaptation for a process and holder that goes on beside the stream.
    """
    from dq_pipeline.steps import Held, Watch

    told = {"batches": 0, "predictions": 0, "alarms": 0, "adaptations": 0, "failures": 0}
    watch, held, state, learner = Watch(world, process), Held(), "", None
    try:
        while True:
            look = watch.look()
            if look.state != state:
                state = look.state
                say(f"{process}: {look.state} ({look.why})")
            due = look.fire and _attempt(world, process, holder, told, held, adapt=adapt, say=say)
            if learner is not None and (stands := learner.poll(say)) != "going on":
                learner = None
                told["failures"] += stands == "failed"
                due = due or (stands == "done" and _decide(world, process, say))  # asked for meanwhile
            if due and learner is None:
                told["adaptations"] += 1
                learner = learn(world, process, holder)
            if once:
                told["failures"] += learner is not None and _ended(learner, say) == "failed"
                learner = None
                return told
            idle = not look.fire and look.state == "waiting for samples" and look.lag == 0
            if until_idle and learner is None and (idle or look.state == "waiting for a release"):
                return told
            if not look.fire:
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        return told
    finally:
        held.close()
        if learner is not None:
            learner.stop()


def _ended(learner: Learner, say: Callable[[str], None]) -> State:
    while (stands := learner.poll(say)) == "going on":
        time.sleep(POLL_S)
    return stands


def _attempt(
    world: World,
    process: str,
    holder: str,
    told: dict[str, int],
    held: Held,
    *,
    adapt: bool,
    say: Callable[[str], None],
) -> bool:
    """Whether an adaptation is due after this micro-batch."""
    try:
        return turn(world, process, holder, told, held, adapt=adapt, say=say)
    except BaseException as error:
        world.ledger.let_go(process, holder, f"{type(error).__name__}: {error}", datetime.now(UTC))
        if not isinstance(error, Exception):
            raise
        told["failures"] += 1
        say(f"{process}: {type(error).__name__}: {error}")
        return False


def turn(
    world: World,
    process: str,
    holder: str,
    told: dict[str, int],
    held: Held | None = None,
    *,
    adapt: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> bool:
    """One run of the deployment: pull, assess, act, and a look at what is due; True where that is an adaptation."""
    from dq_pipeline import steps

    pulled = steps.pull(world, process, holder=holder, held=held)
    if pulled is None:
        steps.drain(world, process)  # what a killed run left in the outbox
        return False
    assessed = steps.assess(world, process, batch_id=pulled["batch_id"], holder=holder, held=held)
    acted = steps.act(world, process, batch_id=pulled["batch_id"], holder=holder)
    told["batches"] += 1
    told["predictions"] += acted["predictions"]
    told["alarms"] += acted["alarms"]
    found = f"{acted['predictions']} predicted, {assessed['quarantined']} quarantined, {acted['alarms']} alarms"
    drift = f", drift seen {acted['drift_alarms']} times" if acted["drift_alarms"] else ""
    say(f"{process}: batch {pulled['sequence']}: {found}{drift}")
    due = adapt and _decide(world, process, say)
    steps.deliver_aside(world, process)
    return due


def _decide(world: World, process: str, say: Callable[[str], None]) -> bool:
    """Roll back where that is due; True where an adaptation is, to a drift or because the governor says so."""
    from dq_pipeline import steps

    decided = steps.decide(world, process)
    if decided["promoted"] or decided["branch"] == "ask":
        say(f"{process}: {decided['why']}")
    if decided["branch"] == "nothing":
        decided = steps.govern(world, process)
    if decided["branch"] == "adapt":
        say(f"{process}: {decided['kind']}: {decided['why']}")
    elif decided["branch"] == "roll_back":
        say(f"{process}: rolling back to {decided['version']}: {decided['why']}")
        steps.roll_back(world, process, version=decided["version"], who="dq", why=decided["why"])
    return bool(decided["branch"] == "adapt")
