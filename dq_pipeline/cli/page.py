"""One self-contained HTML file: words, tables and plots, with all that is needed to draw them inside."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.table import Table

from dq_pipeline.errors import ConfigurationError

Part = str | Table | Mapping[str, Any]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #d8dee4; padding: .3rem .8rem; text-align: left; }
th { background: #f6f8fa; }
"""


def check(path: Path | None) -> None:
    """Refuse a page that could not be written, before the work for it is done.

    Raises
    ------
    ConfigurationError
        If plotly is not installed, or the page's place is a folder.
    """
    if path is None:
        return
    if find_spec("plotly") is None:
        raise ConfigurationError(
            "--html: the package plotly expected, found none; `pip install 'dq-pipeline[reports]'`"
        )
    if path.is_dir():
        raise ConfigurationError(f"--html: a file expected; found the folder {path}")


def write(path: Path, title: str, summary: str, parts: Sequence[Part]) -> None:
    """Write the page.

    Parameters
    ----------
    parts
        In their order: figures of plotly (mappings with `data` and `layout`), tables as the terminal shows them, and
        text, each a heading over what follows.

    Raises
    ------
    ConfigurationError
        See :func:`check`; or if the file cannot be written.
    """
    check(path)
    text = (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head>\n<body><h1>{html.escape(title)}</h1>\n<p>{html.escape(summary)}</p>\n"
        f"{_shown(parts)}\n</body></html>\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--html: a file that can be written expected; found {error}") from None


def _shown(parts: Sequence[Part]) -> str:
    """All parts; the first figure brings the library that draws them along."""
    from plotly.io import to_html

    shown, drawn = [], 0
    for part in parts:
        if isinstance(part, str):
            shown.append(f"<h2>{html.escape(part)}</h2>")
        elif isinstance(part, Table):
            shown.append(_table(part))
        else:
            shown.append(to_html(dict(part), full_html=False, include_plotlyjs=drawn == 0, validate=False))
            drawn += 1
    return "\n".join(shown)


def _table(table: Table) -> str:
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    head = "".join(f"<th>{html.escape(str(column.header))}</th>" for column in table.columns)
    rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in zip(*columns, strict=True))
    title = f"<h3>{html.escape(str(table.title))}</h3>" if table.title else ""
    note = f"<p>{html.escape(str(table.caption))}</p>" if table.caption else ""
    return f"{title}{note}<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
