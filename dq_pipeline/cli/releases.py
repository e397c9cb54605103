"""`dq promote`, `dq rollback`, `dq resume`, `dq redrive`: what a person decides."""

from __future__ import annotations

from typing import Annotated

import typer

from dq_pipeline.cli.terminal import AsJson, ProcessName, Why, answer, person, world
from dq_pipeline.errors import StateError


def register(app: typer.Typer) -> None:
    """Add the commands to the `dq` application."""
    for command in (promote, rollback, resume, redrive):
        app.command()(command)


def promote(
    process: ProcessName,
    version: Annotated[str | None, typer.Argument(help="Release; the one in Staging by default.")] = None,
    why: Why = "",
    force: Annotated[bool, typer.Option("--force", help="Overrule the gates; needs --why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a release into Production; the one before is archived.

    For processes with `promotion: {approval: human}`: `dq promote vacuum 3`. A release that the gates refused needs
    `--force` and a reason, which the ledger keeps with your name; its probation watches it all the same::

        dq promote vacuum 4 --force --why "the newest labels are wrong, it was right to learn otherwise"
    """
    from dq_pipeline import steps

    with world() as opened:
        rows = opened.ledger.releases(process)
        chosen = [row for row in rows if (row.version == version if version else row.stage == "Staging")]
        if not chosen:
            known = ", ".join(f"{row.version} ({row.stage})" for row in rows) or "none"
            raise StateError(f"{process}: release {version or 'in Staging'} expected; found {known}")
        said = why if force else why or "promoted by hand"
        result = steps.promote(opened, process, key=chosen[-1].key, who=person(), why=said, by_hand=True, force=force)
    answer(result, as_json, f"Release {result['version']} is in Production; before: {result['previous'] or 'none'}")


def rollback(
    process: ProcessName,
    why: Why,
    version: Annotated[str | None, typer.Option(help="Release to restore; the one replaced last by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Restore an earlier release whole: model, scorers, bins, detector, intervals and settings.

    Nothing adapts afterwards until `dq resume`, or until a change after the rollback is found::

        dq rollback vacuum --version 1 --why "release 2 alarms too often on alloy"
    """
    from dq_pipeline import steps

    with world() as opened:
        result = steps.roll_back(opened, process, version=version, who=person(), why=why)
    answer(
        result,
        as_json,
        f"Release {result['version']} is in Production; {result['previous']} is archived.",
        f"Adaptation is on hold: `dq resume {process}` lifts that.",
    )


def resume(process: ProcessName, why: Why = "resumed by hand", as_json: AsJson = False) -> None:
    """Let a process adapt again after a rollback. Example: `dq resume vacuum --why "sensor replaced"`."""
    from dq_pipeline import steps

    with world() as opened:
        result = steps.resume(opened, process, who=person(), why=why)
    answer(result, as_json, f"{process} adapts again; it was on hold since {result['held_since']}.")


def redrive(
    process: ProcessName,
    parked: Annotated[bool, typer.Option("--parked/--no-parked", help="Ranges that kept failing.")] = True,
    quarantined: Annotated[bool, typer.Option("--quarantined/--no-quarantined", help="Refused messages.")] = True,
    as_json: AsJson = False,
) -> None:
    """Take up again what was parked or quarantined, once its cause is gone.

    A message that is still wrong is quarantined again. Example: `dq redrive vacuum --no-parked`.
    """
    from dq_pipeline import steps

    with world() as opened:
        result = steps.redrive(opened, process, parked=parked, quarantined=quarantined)
    answer(result, as_json, f"{result['batches']} ranges and {result['messages']} messages are in line again.")
