"""The catalog as one static page: nothing is fetched from elsewhere, and everything it shows is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from dq_pipeline.catalog.entry import Entry

_STYLE = """
:root { color-scheme: light dark; --ground: #f5f6f8; --card: #fff; --text: #1b2330; --muted: #5a6575; --line: #dde2e8;
  --accent: #0b62bd; --warn: #b35c00; --warn-tint: #fdf1e1; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --card: #1b2129; --text: #e7ebf0; --muted: #9ba7b6;
  --line: #2e3641; --accent: #6cb2fb; --warn: #f2a94b; --warn-tint: #3a2c17; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header { position: sticky; top: 0; background: var(--card); border-bottom: 1px solid var(--line); padding: .6rem 1rem; }
header form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; }
h1 { font-size: 1.2rem; margin: 0; }
h2 { margin: 2rem 0 .5rem; }
input[type=search] { flex: 1; min-width: 12rem; padding: .4rem .6rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--line); border-radius: .4rem; }
main { max-width: 70rem; margin: 0 auto; padding: 0 1rem 4rem; }
nav a { margin-right: 1rem; }
a { color: var(--accent); }
article { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: .8rem 0;
  scroll-margin-top: 5rem; overflow-wrap: anywhere; }
article:target { border-color: var(--accent); }
article h3 { margin: 0 0 .3rem; font-size: 1rem; }
article h3 a { text-decoration: none; color: inherit; }
.name, .muted { color: var(--muted); font-size: .87em; }
.stale { background: var(--warn-tint); color: var(--warn); border-radius: .3rem; padding: 0 .5rem; font-size: .87em; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .15rem 1rem; margin: .5rem 0; }
dt { color: var(--muted); } dd { margin: 0; }
table { border-collapse: collapse; font-size: .93em; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
[hidden] { display: none !important; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
_SCRIPT = """
const box = document.getElementById("search"), stale = document.getElementById("stale");
const entries = [...document.querySelectorAll("article")].map(e => [e, e.textContent.toLowerCase()]);
const told = document.getElementById("told");
function show() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const [entry, text] of entries) {
    entry.hidden = !words.every(word => text.includes(word)) || (stale.checked && !entry.dataset.stale);
    count += !entry.hidden;
  }
  for (const part of document.querySelectorAll("section")) {
    part.hidden = !part.querySelector("article:not([hidden])");
  }
  told.textContent = count + " of " + entries.length;
}
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
box.addEventListener("input", show);
stale.addEventListener("change", show);
show();
"""
_TITLES = {
    "benchmark": "Benchmarks",
    "experiment": "Experiments",
    "message": "Messages",
    "table": "Tables of the ledger",
    "lake": "Files of the lake",
    "feature": "Features",
    "sensor": "Sensors",
    "contract": "Contracts",
    "release": "Releases",
}


def page(entries: Sequence[Entry], title: str, made: str) -> str:
    """The page.

    Parameters
    ----------
    entries
        Those of a kind side by side.
    made
        When and of what it was made, for people.
    """
    count = Counter(entry.kind for entry in entries)
    links = "".join(f'<a href="#{kind}">{_TITLES[kind]} ({n})</a>' for kind, n in count.items())
    parts = "".join(
        f'<section id="{kind}"><h2>{_TITLES[kind]}</h2>{"".join(map(_entry, group))}</section>'
        for kind, group in groupby(entries, key=lambda entry: entry.kind)
    )
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><header><form role='search'>"
        f"<h1>{escape(title)}</h1><input type='search' id='search' aria-label='Search' placeholder='Search'>"
        "<label><input type='checkbox' id='stale'> to be reviewed</label>"
        f"<span class='muted' id='told' role='status'></span></form><nav>{links}</nav></header>\n"
        f"<main><p class='muted'>{escape(made)}</p>{parts}</main>\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _entry(entry: Entry) -> str:
    name = escape(entry.name, quote=True)
    stale = f" <span class='stale'>{escape(entry.stale)}</span>" if entry.stale else ""
    flag = " data-stale='1'" if entry.stale else ""
    text = f"<p>{escape(entry.text)}</p>" if entry.text else ""
    source = " ".join(
        part
        for part in (
            entry.source.place,
            f"digest {entry.source.digest}" if entry.source.digest else "",
            f"commit {entry.source.commit}" if entry.source.commit else "",
        )
        if part
    )
    facts = {
        **entry.facts,
        **entry.state,
        "source": source,
        "validated by": entry.validation,
        "fails where": entry.failures,
        "reviewed": _review(entry),
    }
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())
    return (
        f'<article id="{name}"{flag}><h3><a href="#{name}">{escape(entry.title)}</a>{stale}</h3>'
        f"<div class='name'>{name}</div>{text}<dl>{rows}</dl>{_figures(entry.figures)}</article>"
    )


def _review(entry: Entry) -> str:
    if entry.review is None:
        return f"never; as it is now: {entry.digest}"
    return f"{entry.review.at:%Y-%m-%d} by {entry.review.who}: {entry.review.note}"


def _figures(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    columns = list(rows[0])
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_cell(row.get(column)))}</td>' for column in columns)}</tr>" for row in rows
    )
    return f"<details><summary>{len(rows)} rows</summary><table><tr>{head}</tr>{body}</table></details>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
