"""`dq alerts`: what people were told, whether it was any use, and whether it arrives."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, ProcessName, answer, person, world
from dq_pipeline.errors import StateError


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(alerts)


def alerts(
    process: ProcessName,
    useful: Annotated[int | None, typer.Option("--useful", help="The notice of this number was useful.")] = None,
    useless: Annotated[int | None, typer.Option("--useless", help="... or it was not.")] = None,
    test: Annotated[
        str | None, typer.Option("--test", metavar="NAME", help="Send a test to this address of the process file.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send what is due now.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="List so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what people were told, with who took it; say what was useful; send what is due, or a test.

    Who hears of what is `alerts` of the process file, an address is `DQ_ALERTS_<NAME>`. The exit code is 1 where
    something could not be sent::

        dq alerts vacuum
        dq alerts vacuum --useless 12
        dq alerts vacuum --test pager
    """
    from dq_pipeline import steps

    if sum((useful is not None, useless is not None, test is not None, send)) > 1:
        raise StateError("one of --useful, --useless, --test and --send expected, found several")
    with world() as opened:
        if test is not None:
            tested = steps.send_test(opened, process, test, who=person())
            said = "took the test" if tested["sent"] else f"did not take the test: {tested['why']}"
            answer(tested, as_json, f"{test} {said}.")
            raise typer.Exit(0 if tested["sent"] else 1)
        if send:
            sent = steps.deliver(opened, process)
            answer(sent, as_json, sent["error"] or _counts(sent))
            raise typer.Exit(1 if sent["failed"] or sent["given_up"] or sent["error"] else 0)
        number = useful if useful is not None else useless
        if number is not None:
            judged = steps.judge_notice(opened, process, number, useful=useful is not None, who=person())
            word = "useful" if judged["useful"] else "not useful"
            answer(judged, as_json, f"Notice {number} of {process} counts as {word}: {judged['title']}")
            return
        found = {
            "process": process,
            "notices": steps.notices(opened, process, limit),
            "rules": steps.precision(opened, process),
        }
    shown = _shown(found) if found["notices"] else ["Nobody was told anything yet."]
    answer(found, as_json, *shown)


def _counts(sent: dict[str, Any]) -> str:
    words = {
        "sent": "sent",
        "failed": "to be tried again",
        "given_up": "given up",
        "waiting": "waiting",
        "held": "held",
    }
    return ", ".join(f"{sent[name]} {word}" for name, word in words.items()) + "."


def _shown(found: dict[str, Any]) -> list[Table | str]:
    told = Table(
        "notice", "at", "rule", "severity", "what", "to", "useful", title=f"What was told of {found['process']}"
    )
    told.columns[4].overflow = told.columns[5].overflow = "fold"
    for row in found["notices"]:
        more = f" (and {len(row['more'])} more)" if row["more"] else ""
        told.add_row(
            str(row["id"]), row["at"][:16], row["kind"], row["severity"], row["title"] + more, _to(row),
            {True: "yes", False: "no", None: "-"}[row["useful"]],
        )  # fmt: skip
    rules = Table("rule", "notices", "sent", "judged", "useful", title="How useful each rule was")
    for row in found["rules"]:
        share = "-" if row["precision"] is None else f"{row['precision']:.0%}"
        muted = " (muted)" if row["muted"] else ""
        rules.add_row(row["kind"] + muted, str(row["notices"]), str(row["told"]), str(row["judged"]), share)
    return [told, rules, *(row["proposal"] for row in found["rules"] if row["proposal"])]


def _to(row: dict[str, Any]) -> str:
    took = "; ".join(f"{name}: {said}" for name, said in row["to"].items())
    if row["state"] == "waiting":
        later = f"due {row['due_at'][:16]}" + (f" ({row['why']})" if row["why"] else "")
        return "; ".join(filter(None, (took, later)))
    return "; ".join(filter(None, ("given up" if row["state"] == "given up" else "", took or row["why"] or "-")))
