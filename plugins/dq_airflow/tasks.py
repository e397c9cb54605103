"""The steps as Airflow tasks, importable one by one.

Each translates only: the context in, one step called, a small dict out. All take the process' name first::

    from dq_airflow import tasks

    pulled = tasks.pull("vacuum", ready=sensor.output)
    tasks.act("vacuum", tasks.assess("vacuum", pulled))

`task.override(...)` changes operator arguments (pool, retries, task_id), as for any TaskFlow task.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dq_airflow import assets, branching, hooks, pools
from dq_airflow.reporting import reporting
from dq_airflow.step import step

if TYPE_CHECKING:
    from dq_pipeline.ports import World

log = logging.getLogger(__name__)
Result = dict[str, Any]


# --- deployment


@step(pools.ANSWER, may_emit=("incident",))
def pull(process: str, ready: Mapping[str, Any] | str) -> Result | None:
    """Claim a micro-batch and land it; where there is none, skip everything after it."""
    from dq_pipeline import steps

    context, pulled = get_current_context(), None
    found = json.loads(ready) if isinstance(ready, str) else ready  # a result from the triggerer is encoded twice
    if found["fire"]:
        with reporting(context, process) as world:
            pulled = steps.pull(world, process, holder=context["run_id"])
            if pulled is None:
                steps.drain(world, process)  # what a killed run left in the outbox
    if pulled is None:
        branching.follow(context, None, ())
    return pulled


@step(pools.ANSWER)
def assess(process: str, pulled: Mapping[str, Any]) -> Result:
    """Gate, profile, score and predict one micro-batch."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        return steps.assess(world, process, batch_id=pulled["batch_id"], holder=get_current_context()["run_id"])


@step(pools.ANSWER, may_emit=("drift", "incident"))
def act(process: str, assessed: Mapping[str, Any]) -> Result:
    """Commit the micro-batch with its predictions and alarms, and send them."""
    from dq_pipeline import steps

    context = get_current_context()
    with reporting(context, process) as world:
        acted = steps.act(world, process, batch_id=assessed["batch_id"], holder=context["run_id"])
    if acted["drift_alarms"]:
        assets.emit(context, process, "drift", acted)
    return acted


@step(pools.ANSWER, may_emit=("labels",))
def take_labels(process: str, released: bool = False) -> Result:
    """Join labels that came late; `released`: skip everything after it while no release answers."""
    from dq_pipeline import steps

    context = get_current_context()
    with hooks.open_world() as world:
        idle = released and world.ledger.production(process) is None
        taken = {"new": 0} if idle else steps.take_labels(world, process)
    if idle:
        log.info("%s has no release in Production yet: run %s_initialization", process, process)
        branching.follow(context, None, ())
    elif taken["new"]:
        assets.emit(context, process, "labels", taken)
    return taken


@step(pools.ANSWER)
def fill_queue(process: str) -> Result:
    """Put what was flagged into the review queue, and settle what is clear."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        filled = steps.fill_queue(world, process)
    return {**filled, "refused": len(filled["refused"])}


@step(pools.ANSWER, may_emit=("due", "incident"))
def govern(process: str) -> Result:
    """Train again if labels, flags, errors or time ask for it and nothing objects: an asset event, and the reasons."""
    from dq_pipeline import steps

    context = get_current_context()
    with reporting(context, process) as world:
        governed = steps.govern(world, process)
    log.info("%s: %s", process, "; ".join((governed["why"], *governed["why_not"])))
    if governed["branch"] == "adapt":
        assets.emit(context, process, "due", {"key": governed["key"], "why": governed["why"]})
    return governed


@step(pools.ANSWER, may_emit=("due", "incident", "labels", "release"))
def decide(process: str, branches: Mapping[str, str]) -> Result:
    """Take late labels in, move rollouts on, ask the ledger what comes next, send notices, and follow it.

    An adaptation that is due, and a release that came into Production, are asset events.

    `branches` maps each answer to the task that begins it.
    """
    from dq_pipeline import steps

    context = get_current_context()
    with reporting(context, process) as world:
        decided = steps.decide(world, process)
        steps.deliver_aside(world, process)
    if decided["new_labels"]:
        assets.emit(context, process, "labels", {"new": decided["new_labels"]})
    if decided["branch"] == "adapt":
        assets.emit(context, process, "due", {"key": decided["key"], "why": decided["why"]})
    if decided["promoted"]:
        assets.emit(context, process, "release", decided["promoted"])
    branching.follow(context, decided, {branches[decided["branch"]]})
    return decided


# --- release


@step(pools.LEARN)
def retrain(process: str) -> Result:
    """Build the challenger that is due; where nothing is due for this run, skip everything after it."""
    from dq_pipeline import steps

    context = get_current_context()
    with hooks.open_world() as world:
        made = steps.retrain(world, process, holder=context["run_id"], progress=_say)
    if made["key"] is None:
        log.info("%s: %s", process, made["why"])
        branching.follow(context, made, ())
    return made


@step(pools.LEARN)
def evaluate(process: str, trained: Mapping[str, Any], passed: str, failed: str) -> Result:
    """Try a challenger at the gates and follow `passed` or `failed`, two task ids."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        evaluated = steps.evaluate(world, process, key=trained["key"])
    branching.follow(get_current_context(), evaluated, {passed if evaluated["passed"] else failed})
    return evaluated


@step(pools.LEARN)
def stage(process: str, evaluated: Mapping[str, Any]) -> Result:
    """Register a challenger and put it into Staging; where its rollout begins, skip what would promote it now."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        staged = steps.stage(world, process, key=evaluated["key"])
    if staged["rollout"] is not None:
        log.info("release %s of %s is in %s; the deployment moves it on", staged["version"], process, staged["rollout"])
        branching.follow(get_current_context(), staged, ())
    return staged


@step(pools.ANSWER)
def heed(process: str, approval: Mapping[str, Any], branches: Mapping[str, str]) -> Result:  # noqa: ARG001
    """Follow what a person chose: `branches` maps each option to a task id. Hands the answer on, with who gave it."""
    answer = {"chosen_options": approval["chosen_options"], "responded_by_user": approval["responded_by_user"]}
    branching.follow(get_current_context(), answer, {branches[answer["chosen_options"][0]]})
    return answer


@step(pools.ANSWER, may_emit=("due", "release"))
def promote(process: str, staged: Mapping[str, Any], approval: Mapping[str, Any] | None = None) -> Result:
    """Put a staged release into Production; `approval` is a person's answer, where one was asked.

    Skipped, and the log says why, where another release answers by now or adaptation is on hold.
    """
    from dq_pipeline import steps

    who, why = ("dq", "passed every gate") if approval is None else (_answerer(approval), "approved")
    with hooks.open_world() as world:
        promoted = steps.promote(world, process, key=staged["key"], who=who, why=why)
        if promoted["refused"]:
            raise AirflowSkipException(promoted["refused"])
        _ask(world, process)
    assets.emit(get_current_context(), process, "release", promoted)
    return promoted


@step(pools.ANSWER, may_emit=("due",))
def reject(process: str, evaluated: Mapping[str, Any], approval: Mapping[str, Any] | None = None) -> Result:
    """Close a challenger's case: the gates it failed, or the person who refused it."""
    from dq_pipeline import steps

    failed = [f"{gate['name']}: {gate['detail']}" for gate in evaluated.get("gates", ()) if not gate["passed"]]
    why = "; ".join(failed) if approval is None else f"refused by {_answerer(approval)}"
    with hooks.open_world() as world:
        rejected = steps.reject(world, process, key=evaluated["key"], why=why)
        _ask(world, process)
    return rejected


@step(pools.ANSWER, emits=("release",))
def roll_back(process: str, decided: Mapping[str, Any], approval: Mapping[str, Any] | None = None) -> Result:
    """Restore an earlier release whole: `decided` names its `version` (None: the one replaced last) and says `why`."""
    from dq_pipeline import steps

    version, why = decided["version"] or None, decided["why"]
    who = "dq" if approval is None else _answerer(approval)
    with hooks.open_world() as world:
        restored = steps.roll_back(world, process, version=version, who=who, why=why)
    assets.describe(get_current_context(), process, "release", restored)
    return restored


# --- initialization


@step(pools.LEARN)
def plan(process: str) -> list[Result]:
    """Fit the reference to the history and cut the history into chunks: the list to map `annotate` over.

    The run's parameters `samples` and `chunk` are heeded, where the DAG has them.
    """
    from dq_pipeline import steps

    context = get_current_context()
    given = {name: context["params"][name] for name in ("samples", "chunk") if name in context["params"]}
    with hooks.open_world() as world:
        planned = steps.plan(world, process, run=context["run_id"], **given)
    chunks: list[Result] = planned["chunks"]
    return chunks


@step(pools.LEARN)
def annotate(process: str, chunk: Mapping[str, int]) -> Result:
    """Read, gate and profile one chunk of the history."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        return steps.annotate(
            world, process, run=get_current_context()["run_id"], first=chunk["first"], stop=chunk["stop"]
        )


@step(pools.LEARN)
def unify(process: str, annotated: Iterable[Result]) -> Result:
    """Fit the quality scorers to all chunks."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        return steps.unify(world, process, run=get_current_context()["run_id"], chunks=list(annotated))


@step(pools.LEARN)
def train(process: str, unified: Mapping[str, Any]) -> Result:  # noqa: ARG001 - orders the tasks
    """Train the model and the drift detector on the samples that are good enough."""
    from dq_pipeline import steps

    with hooks.open_world() as world:
        return steps.train(world, process, run=get_current_context()["run_id"], progress=_say)


def _ask(world: World, process: str) -> None:
    """What was asked for while the adaptation that just ended was under way is due now."""
    from dq_pipeline import steps

    if steps.ask(world, process):
        assets.emit(get_current_context(), process, "due", {"why": "asked for meanwhile"})


def _say(done: int, total: int, what: str) -> None:
    log.info("%s: %d of %d", what, done, total)


def _answerer(approval: Mapping[str, Any]) -> str:
    """Who answered; nobody did where the time to answer ran out."""
    user = approval.get("responded_by_user")
    return str(user["name"]) if user else "nobody (no answer in time)"
