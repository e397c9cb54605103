"""Writes the figures of triage into docs/triage.md: `python -m benchmarks.triage_tables FILE`.

FILE is what a full run of the benchmark wrote, var/evidence/triage.json; it is taken over as docs/triage.json.
Without it the page is written anew from there.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGE = ROOT / "docs" / "triage.json", ROOT / "docs" / "triage.md"
BEGIN, END = "<!-- written by `python -m benchmarks.triage_tables` -->", "<!-- end -->"
SEVERITIES = ("small", "medium", "large")
LETTERS = {
    "late_data": "late",
    "calibration": "cal.",
    "dead_sensor": "dead",
    "operating_mode": "mode",
    "process_drift": "process",
    "concept_drift": "concept",
    "model_regression": "model",
    "labels": "labels",
    "undetermined": "undet.",
    "nothing": "nothing",
    "not found": "not found",
}


def tables(document: dict[str, Any]) -> str:
    """The confusion by severity, the kinds, what decided, and what was raised where nothing happened."""
    measured = {process: found for process, found in document.items() if isinstance(found, dict)}
    parts = [*_bars(measured), ""]
    for process, found in measured.items():
        for severity in SEVERITIES:
            parts += [f"### {process}, {severity}", "", *_confusion(found["confusion"][severity]), ""]
        parts += [f"### {process}, by kind: found and named first, of all", "", *_kinds(found["kinds"]), ""]
        parts += [f"### {process}, by what decided: right, of all that were named", "", *_decided(found["decided"]), ""]
        quiet = found["undisturbed"]
        named = Counter("nothing" if cause == "nothing" else f"{cause} ({by})" for by, cause in quiet["raised"])
        said = ", ".join(f"{cause} {count}" for cause, count in sorted(named.items())) or "none"
        parts += [f"Alarms in {quiet['samples']} undisturbed samples of {process}, by what was named: {said}.", ""]
    return "\n".join(parts).strip()


def written(page: str, document: dict[str, Any]) -> str:
    """The page with these figures in place of those it has."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables(document)}\n\n{END}{rest.split(END)[1]}"


def _bars(measured: dict[str, Any]) -> list[str]:
    """What was asked for, of all injections at medium severity or more."""
    lines = ["| medium and large | " + " | ".join(measured) + " | bar |", "| --- |" + " --- |" * (len(measured) + 1)]
    told = [_counted(found["confusion"]) for found in measured.values()]
    shares = (
        ("found within 100 samples", [(one["found"], one["all"]) for one in told], ">= 0.9"),
        ("cause named first, of those found", [(one["right"], one["found"]) for one in told], ">= 0.95"),
        ("concept and calibration confused", [(one["confused"], one["pair"]) for one in told], "<= 0.02"),
        ("undetermined, called so", [(one["called"], one["hidden"]) for one in told], ""),
    )
    for name, counts, bar in shares:
        cells = [f"{part / max(whole, 1):.3f} ({part} of {whole})" for part, whole in counts]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {bar} |")
    return lines


def _counted(confusion: dict[str, dict[str, dict[str, int]]]) -> Counter[str]:
    count: Counter[str] = Counter()
    pair = {"concept_drift": "calibration", "calibration": "concept_drift"}
    for severity in ("medium", "large"):
        for cause, named in confusion[severity].items():
            found = sum(named.values()) - named.get("not found", 0)
            right = named.get(cause, 0)
            count += Counter({"all": sum(named.values()), "found": found, "right": right})
            if cause in pair:
                count += Counter({"pair": found, "confused": named.get(pair[cause], 0)})
            if cause == "undetermined":
                count += Counter({"hidden": found, "called": right})
    return count


def _confusion(rows: dict[str, dict[str, int]]) -> list[str]:
    lines = ["| injected | " + " | ".join(LETTERS.values()) + " |", "| --- |" + " --- |" * len(LETTERS)]
    for cause in LETTERS:
        if cause in rows:
            counts = [rows[cause].get(named, 0) for named in LETTERS]
            lines.append(f"| {LETTERS[cause]} | " + " | ".join(str(n) if n else "" for n in counts) + " |")
    return lines


def _kinds(kinds: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    lines = ["| kind | " + " | ".join(SEVERITIES) + " |", "| --- | --- | --- | --- |"]
    for kind, by in kinds.items():
        cells = [f"{by[s]['found']} and {by[s]['right']} of {by[s]['all']}" if s in by else "" for s in SEVERITIES]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return lines


def _decided(decided: dict[str, dict[str, int]]) -> list[str]:
    rows = [f"| {by} | {count['right']} of {count['of']} |" for by, count in sorted(decided.items())]
    return ["| decided by | right |", "| --- | --- |", *rows]


def main(files: list[str]) -> None:
    """Take a run over, if one is given, and write the page."""
    if files:
        document = json.loads(Path(files[0]).read_text(encoding="utf-8"))
        if document["short"]:
            sys.exit("a full run expected, found a short one: it proves no figure")
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    document = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
