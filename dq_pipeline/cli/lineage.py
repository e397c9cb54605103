"""`dq lineage` and `dq gate`: what models learned from, down to the message, and what the next would not."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.tree import Tree

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, number, world
from dq_pipeline.errors import StateError

_SHOWN = 12


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    app.command()(lineage)
    app.command()(gate)


def lineage(
    process: ProcessName,
    version: Annotated[str | None, typer.Option(help="A release; the one in Production by default.")] = None,
    batch: Annotated[str | None, typer.Option(help="A training batch, by the beginning of its hash.")] = None,
    sample: Annotated[str | None, typer.Option(help="A sample: what learned from it.")] = None,
    message: Annotated[
        str | None, typer.Option(metavar="PARTITION:OFFSET", help="A message of the samples topic, the same way.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk from a release to the offsets that it learned from, or from a sample to the releases that learned from it.

    docs/training.md says how to read it; --json names every sample::

        dq lineage hydraulic --version 3
        dq lineage hydraulic --message 0:1207
    """
    from dq_pipeline import steps

    with world() as opened:
        opened.ledger.migrate()
        place = None if message is None else _place(message)
        found = steps.lineage(opened, process, version=version, batch=batch, sample=sample, message=place)
    trees = [_sample(one) for one in found["samples"]] if "samples" in found else [_downwards(found)]
    answer(found, as_json, *trees)


def gate(
    process: ProcessName,
    limit: Annotated[int, typer.Option(min=1, help="Samples shown of each gate, the newest first.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show what the next training would refuse, and why; nothing is trained.

    A label that is right all the same is accepted in a review, and then believed::

        dq gate hydraulic
    """
    from dq_pipeline import steps

    with world() as opened:
        opened.ledger.migrate()
        found = steps.would_refuse(opened, process, limit=limit)
    told = f"Of {found['labelled']} labelled samples {found['passed']} would be learned from"
    new = "" if found["new"] is None else f", {found['new']} of them new to release {found['release']}"
    answer(found, as_json, *_refused(found), f"{told}{new}; {found['unlabelled']} have no label.", *_figures(found))


def _place(words: str) -> tuple[int, int]:
    partition, colon, offset = words.partition(":")
    if not (colon and partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
        raise StateError(f"--message: PARTITION:OFFSET expected, as 0:1207, found {words!r}")
    return int(partition), int(offset)


def _refused(found: dict[str, Any]) -> list[Table]:
    if not found["counts"]:
        return []
    counts = Table("gate", "refused", title="Refused by the gate before training")
    for name, count in found["counts"].items():
        counts.add_row(name, str(count))
    samples = Table("sample", "gate", "figure", "limit", "why")
    for one in found["refused"]:
        figures = (number(one["figure"]), number(one["limit"]))
        samples.add_row(one["sample_id"], one["gate"], *figures, one["why"])
    return [counts, samples]


def _figures(found: dict[str, Any]) -> list[str]:
    relevance, labels = found["figures"]["relevance"], found["figures"]["consistency"]
    told = []
    if "beyond_known" in relevance:
        share = f"{relevance['beyond_known']:.0%}"
        told.append(f"{share} of the new samples lie farther from the known ones than 95 % of these from each other.")
    if labels["checked"]:
        refused = found["counts"].get("consistency", 0)
        told.append(f"{labels['in_doubt']} of {labels['checked']} labels contradict others; {refused} are refused.")
    return told


def _downwards(found: dict[str, Any]) -> Tree:
    release, batch = found["release"], found["batch"]
    head = f"training batch {batch['hash'][:12]}: {batch['samples']} samples, {batch['refused']} refused"
    if release is None:
        root = branch = Tree(head)
    else:
        root = Tree(f"release {release['version']} of {found['process']} ({release['stage']}, {release['kind']})")
        branch = root.add(f"MLflow run {release['run_id']}").add(head)
    if batch["counts"]:
        refused = branch.add("refused by the gate")
        for name, count in batch["counts"].items():
            first = next(one for one in batch["refusals"] if one["gate"] == name)
            refused.add(f"{name}: {count}, as {first['sample_id']}: {first['why']}")
    if batch["reviewers"]:
        names = (f"{name} ({count})" for name, count in batch["reviewers"].items())
        branch.add(f"reviewed by {', '.join(names)}")
    for user in batch["learned_by"]:
        branch.add(_user(user))
    parts = batch["micro_batches"]
    for part in parts[:_SHOWN]:
        branch.add(_part(part))
    if len(parts) > _SHOWN:
        branch.add(f"... and {len(parts) - _SHOWN} more; --json shows all")
    return root


def _part(part: dict[str, Any]) -> str:
    told = f"{part['source']} {part['batch']}: {part['samples']} samples"
    if part["topic"] is None:
        return told
    spans = ", ".join(f"{one['partition']}: {one['start']} to {one['stop'] - 1}" for one in part["ranges"])
    return f"{told} of {part['topic']}, partition {spans}"


def _sample(one: dict[str, Any]) -> Tree:
    root = Tree(f"sample {one['sample_id']}")
    for message in one["messages"]:
        place = "offset not kept"
        if message["offset"] is not None:
            place = f"partition {message['partition']}, offset {message['offset']}"
        root.add(f"{message['scope']}: {message['topic']}, {place}, micro-batch {message['batch_id']}")
    if one["target"] is not None:
        by = f" by {one['target']['by']}" if one["target"]["by"] else ""
        root.add(f"label {number(one['target']['value'])} ({one['target']['origin']}{by})")
    for batch in one["batches"]:
        branch = root.add(f"training batch {batch['hash'][:12]}, as {number(batch['target'])}")
        for user in batch["learned_by"]:
            branch.add(_user(user))
    for refusal in one["refused"]:
        root.add(f"refused {refusal['times']} times by {refusal['gate']}: {refusal['why']}")
    if not one["batches"]:
        root.add("no model learned from it")
    return root


def _user(user: dict[str, Any]) -> str:
    if user["version"] is None:
        return f"challenger {user['key']}, never registered"
    return f"release {user['version']} ({user['stage']}), MLflow run {user['run_id']}"
