"""`dq catalog`: what there is, where it comes from, how it was validated, and who looked at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dq_pipeline.cli.terminal import AsJson, answer, person, world
from dq_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from dq_pipeline.catalog.entry import Entry


def register(app: typer.Typer) -> None:
    """Add the command to the `dq` application."""
    app.command()(catalog)


def catalog(
    process: Annotated[str | None, typer.Argument(help="Name of a process file; all by default.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only entries of a kind: benchmark, table, feature, ...")] = None,
    stale: Annotated[bool, typer.Option("--stale", help="Only entries that somebody should look at.")] = False,
    days: Annotated[int, typer.Option(min=1, help="A review that is older counts no more.")] = 180,
    review: Annotated[str | None, typer.Option(help="Say that you looked at this entry as it is now.")] = None,
    note: Annotated[str, typer.Option(help="What you looked at; kept for good.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write the whole catalog as one page there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show benchmarks, schemas, features, sensors, contracts and releases, made of files and ledger as they are.

    Each entry says where it comes from (file, digest, commit), how it was validated and how it is known to fail. One
    that was never reviewed, was changed since, or was reviewed too long ago is listed by `--stale`::

        dq catalog vacuum --html catalog.html
        dq catalog --stale --kind feature
        dq catalog --review feature/drift/slope --note "golden values compared again"
    """
    from dq_pipeline import steps
    from dq_pipeline.adapters.checkout import Checkout
    from dq_pipeline.catalog.page import page
    from dq_pipeline.steps.clock import utc_now

    with world() as opened:
        names = sorted(opened.processes) if process is None else [opened.process(process).name]
        checkout = Checkout()
        entries = steps.catalog(opened, names, checkout, within=timedelta(days=days))
        if review is not None:
            kept = steps.review_entry(opened, entries, review, who=person(), note=note)
            told = {"entry": kept.entry, "digest": kept.digest, "who": kept.who, "note": kept.note}
            answer(told, as_json, f"{kept.entry} was reviewed by {kept.who} as {kept.digest}.")
            return
    known = sorted({entry.kind for entry in entries})
    if kind is not None and kind not in known:
        raise ConfigurationError(f"Unknown kind {kind!r}. In the catalog: {', '.join(known)}.")
    shown = [entry for entry in entries if (not stale or entry.stale) and kind in (None, entry.kind)]
    if html is not None:
        made = f"Made {utc_now():%Y-%m-%d %H:%M} UTC of the files and the ledger; {_count(entries)}"
        _write(html, page(entries, "Catalog", made))
    written = [f"written to {html}"] if html is not None else []
    answer([entry.as_dict() for entry in shown], as_json, _table(shown), _count(entries), *written)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--html: a file that can be written expected; found {error}") from None


def _count(entries: Sequence[Entry]) -> str:
    return f"{len(entries)} entries, {sum(bool(entry.stale) for entry in entries)} of them to be reviewed"


def _table(entries: Sequence[Entry]) -> Table:
    table = Table("entry", "what", "from", "to be reviewed", title="Catalog")
    table.columns[0].no_wrap = True
    for entry in entries:
        commit = f" ({entry.source.commit})" if entry.source.commit else ""
        table.add_row(entry.name, entry.title, f"{entry.source.place}{commit}", entry.stale or "-")
    return table
