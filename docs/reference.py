"""Pages of the reference that a program can write: the commands, the DAGs, the Python packages.

They are made when the site is built (docs/hooks.py) and stand in no file, so that none of them can be out of date.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [entry for entry in (str(ROOT), str(ROOT / "plugins")) if entry not in sys.path]

PYTHON = {
    "process": "Process files, read and checked",
    "process_file": "A process file as text",
    "sections": "Sections of a process file",
    "rules": "Rules between sensors",
    "units": "Units and their conversion",
    "encode": "Encoders of channels that are no numbers",
    "wire": "Messages: bytes to recordings and back",
    "recording": "One recording",
    "samples": "Samples and why one is refused",
    "records": "What the ledger keeps",
    "profile": "Profiles: one pass over the readings",
    "quality": "Dimensions, scorers, the unified score",
    "drift": "Detectors, divergences, policies",
    "model": "Features, training, intervals",
    "feedback": "Flags, reviews, the gate, the governor",
    "release": "Bundles, gates, rollout",
    "contracts": "Contracts and their metrics",
    "audit": "Audits of sensors",
    "watch": "Is the loop well",
    "triage": "Which cause it is",
    "catalog": "The catalog",
    "simulate": "Simulated streams, faults and troubles",
    "propose": "A process file for a table",
    "replay": "What a policy would have done",
    "stress": "At which severity what breaks",
    "ports": "The world as steps see it",
    "steps": "One function a task",
    "settings": "Where the servers are",
    "wiring": "A world of real servers",
    "errors": "All errors",
}
"""Public rooms of `dq_pipeline`, in the order of the reference -> what is in them."""
AIRFLOW = {
    "assets": "Assets to schedule a DAG on",
    "tasks": "Tasks to put into a DAG",
    "groups": "Groups of tasks",
    "sensors": "The sensor that waits for a micro-batch",
    "processes": "Process files, as DAG files see them",
}
"""Modules of `dq_airflow` for DAGs of one's own -> what is in them."""


def pages() -> dict[str, tuple[str, str]]:
    """Path under docs -> the page's title and Markdown, in the order of the navigation."""
    made = {"reference/commands.md": ("Commands", commands()), "reference/dags.md": ("DAGs", dags())}
    for package, rooms in (("dq_pipeline", PYTHON), ("dq_airflow", AIRFLOW)):
        for room, about in rooms.items():
            name = f"{package}.{room}"
            made[f"reference/{package}/{room}.md"] = (name, f"# `{name}`\n\n{about}.\n\n::: {name}\n")
    return made


def dags() -> str:
    """The page of all DAGs: what each file's first words say, which Airflow shows as the DAG's documentation."""
    parts = [
        "# DAGs\n\nOne of each for every process file, named `<process>_<DAG>`; this is what Airflow shows on its "
        "page. `dq_experiments` is one for all. Which starts which: "
        "[On your own Airflow](../airflow.md#the-dags-of-a-process)."
    ]
    for file in sorted((ROOT / "dags").glob("*.py")):
        told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        parts.append(f"## {file.stem}\n\n{told}\n\n*File:* `dags/{file.name}`")
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """The page of all commands: what `dq COMMAND --help` says."""
    import typer

    from dq_pipeline.cli.main import app

    root: Any = typer.main.get_command(app)
    parts = ["# Commands\n\nWhat `dq COMMAND --help` says. Options of all commands stand before the command's name."]
    parts.append(_options(root))
    parts += [_command(name, command) for name, command in _leaves(root, "dq")]
    return "\n\n".join(parts) + "\n"


def _leaves(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{name} {word}")
        elif not command.hidden:
            yield f"{name} {word}", command


def _command(name: str, command: Any) -> str:
    words = [_metavar(parameter) for parameter in _arguments(command)]
    usage = " ".join([name, *words, "[OPTIONS]"])
    return "\n\n".join(
        part for part in (f"## {name}", f"`{usage}`", _help(command.help or ""), _options(command)) if part
    )


def _arguments(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "argument"]


def _metavar(argument: Any) -> str:
    shown = (argument.metavar or argument.name.upper()) + ("..." if argument.nargs == -1 else "")
    return shown if argument.required else f"[{shown}]"


def _help(text: str) -> str:
    """A command's help: its literal blocks as code."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = paragraph.splitlines()
        if lines and all(line.startswith("    ") for line in lines):
            found.append("\n".join(["```sh", *(line.removeprefix("    ") for line in lines), "```"]))
        else:
            found.append(paragraph.removesuffix(":") if paragraph.endswith("::") else paragraph)
    return "\n\n".join(found)


def _options(command: Any) -> str:
    rows = []
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            name = f"`{_metavar(parameter)}`"
        else:
            name = ", ".join(f"`{word}`" for word in (*parameter.opts, *parameter.secondary_opts))
        default = parameter.default
        shown = (
            "" if default is None or default is False or callable(default) or default == () else f"`{_plain(default)}`"
        )
        rows.append(f"| {name} | {_cell(getattr(parameter, 'help', '') or '')} | {shown} |")
    return "\n".join(["| argument or option | meaning | default |", "| --- | --- | --- |", *rows]) if rows else ""


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
