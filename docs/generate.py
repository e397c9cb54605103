"""Writes what can be written by a program: docs/processes.md, docs/figures.md, docs/metrics.md with Grafana's
dashboards, the README's table, figures in pages.

Run `python docs/generate.py`. It fails where a key of a process file has no meaning here, or a meaning no key.
`python docs/generate.py evidence` first takes over what `make bench` measured: var/evidence/*.json is copied to
docs/results; docs/figures.md shows all of it, the README how many bars hold.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from grafana import dashboards  # noqa: E402

from dq_pipeline import process as model  # noqa: E402
from dq_pipeline.encode import ENCODERS, Encoded  # noqa: E402
from dq_pipeline.encode.registry import find  # noqa: E402
from dq_pipeline.records import METRICS  # noqa: E402
from dq_pipeline.sections import alerts as alerts_section  # noqa: E402
from dq_pipeline.sections import audit as audit_section  # noqa: E402
from dq_pipeline.sections import contract as contract_section  # noqa: E402
from dq_pipeline.sections import feedback as feedback_section  # noqa: E402
from dq_pipeline.sections import rollout as rollout_section  # noqa: E402
from dq_pipeline.sections import watch as watch_section  # noqa: E402
from dq_pipeline.units import UNITS  # noqa: E402

METRICS_PAGE, DASHBOARDS = ROOT / "docs" / "metrics.md", ROOT / "docker" / "grafana" / "dashboards"
PAGE, FIGURES = ROOT / "docs" / "processes.md", ROOT / "docs" / "figures.md"
README, RESULTS = ROOT / "README.md", ROOT / "docs" / "results"
START, END = "<!-- evidence:start -->", "<!-- evidence:end -->"
QUOTED = re.compile(r"<!-- figures: (.+?) -->\n.*?<!-- end of figures -->", re.DOTALL)
"""A table in a page: of all rows whose names begin with one of these words, parted by semicolons."""

INTRODUCTION = """\
# Process files

<!-- Written by `python docs/generate.py`; edit that program, not this page. -->

One YAML file in `dags/processes/` makes one monitored process: its DAGs, its topics, its releases. The file is named
after the process (`pump.yaml` holds `process: pump`). [The README](../README.md#add-a-process) has a minimal one.

Every problem of a file is told at once, each with the file, the key, what was expected and what was found. An unknown
key is an error. A bad file stops the DAGs of its own process only and shows up among Airflow's import errors.

**When an edit takes effect.** The keys under `stream` and `history`, and `title`, `description`, `owner` and `tags`,
only operate: they count from the next parse. So do the `aliases` of sensors and channels. All others decide: each
release carries a copy of them, and an edit waits for the next release. `dq status` shows it as pending.

Times without a zone, in messages and in the history, are in `sample.timezone`. In `history.uri`, `${DQ_DATA_DIR}`,
`${DQ_LAKE_URI}` and `${DQ_VAR}` stand for the [settings](settings.md) of these names.
"""

FIGURES_INTRODUCTION = """\
# Figures

<!-- Written by `python docs/generate.py evidence`; edit that program, not this page. -->

What `make bench` and `make demo` measured, each row as they wrote it. *Against* is the other side of a ratio or a
baseline of the same run; a *bar* is what the figure has to reach. `make bench` measures them on your machine.
"""

METRICS_INTRODUCTION = """\
# Metrics

<!-- Written by `python docs/generate.py`; edit that program, not this page. -->

Prometheus reads them at `/dq/metrics` of Airflow's web server, `dq metrics` prints the same. A scraper has no log-in of
Airflow's: set `DQ_METRICS_TOKEN` for the web server, a long random text, and give it to Prometheus as a bearer token.
Without the setting the address is not there.

```yaml
scrape_configs:
  - job_name: dq
    metrics_path: /dq/metrics
    authorization: {credentials_file: /etc/prometheus/dq_metrics_token}
    static_configs: [{targets: ["airflow.example.org:8080"]}]
```

`docker compose --profile monitoring up` starts a Prometheus (port 9090) and a Grafana (port 3000, log-in `admin` with
`DQ_AIRFLOW_PASSWORD`) that have all of it. The dashboards are `docker/grafana/dashboards/platform.json` and
`docker/grafana/dashboards/process.json`; on your own Grafana import them, with a data source whose uid is `dq`.

A scrape asks the ledger some sixteen queries and the stream three, for all processes at once, and reads no sample and
no model. Each is bounded by an index: 50 processes with 100,000 micro-batches, a million samples and half a million
verdicts on contracts take about a second. What was read serves everyone for 5 s. Nothing hides the rest: a server that
is away, a query that fails and a process file that is broken are metrics themselves. A metric without a value is
absent: a process without a release has no `dq_release_info`. The web server reads the token from its environment alone.

What the platform itself alerts on is in [incidents](incidents.md) and the [watch](watch.md); these metrics are for
those who watch the platform: `dq_source_up == 0`, `dq_last_sample_age_seconds`, `dq_claim_age_seconds`, `dq_failures`
and `dq_parked_batches` are the ones to alert on.
"""

LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
HEAD = "| key | value | meaning |\n| --- | --- | --- |"

SECTIONS = {
    "": model.Process,
    "stream": model.Stream,
    "sample": model.Sample,
    "sensors.NAME": model.Sensor,
    "encoded.NAME": Encoded,
    **{f"encoded.NAME: {name}": find(name) for name in ENCODERS},
    "target": model.Target,
    "alarm": model.Alarm,
    "quality": model.Quality,
    "drift": model.Drift,
    "model": model.Model,
    "promotion": model.Promotion,
    "feedback": model.Feedback,
    "feedback.review": feedback_section.Review,
    "feedback.gate": feedback_section.Gate,
    "feedback.retrain": feedback_section.Retrain,
    "rollout": rollout_section.Rollout,
    "rollout.canary": rollout_section.Canary,
    "contracts.NAME": contract_section.Contract,
    "contracts.NAME.slice": contract_section.Slice,
    "contracts.NAME.tolerance": contract_section.Tolerance,
    "audit": audit_section.Audit,
    "watch": watch_section.Watch,
    "alerts": alerts_section.Alerts,
    "alerts.to": alerts_section.Routes,
    "alerts.maintenance": alerts_section.Maintenance,
    "drill": watch_section.Drill,
    "history": model.History,
}

MEANING = {
    "process": "The process' name, and the file's. DAGs, releases and lake paths are keyed by it.",
    "title": "For people.",
    "description": "For people; shown with the DAGs.",
    "owner": "Owner of the DAGs.",
    "tags": "Further tags of the DAGs.",
    "stream": "Kafka topics, and what makes a micro-batch.",
    "sample": "The shape of one recording.",
    "sensors": "Name -> sensor, in the order of the matrix' columns. Needed unless `encoded` makes some.",
    "encoded": "Name -> a channel that is no number. Its columns are further sensors: see [channels](channels.md).",
    "rules": "What must hold between sensors in every row, as `TS2 >= TS4 - 5`: `+ - * /` over sensors and numbers.",
    "target": "What the model predicts.",
    "alarm": "When to act. Without it no alarm is raised.",
    "quality": "How recordings are scored.",
    "drift": "How drift is watched for.",
    "model": "How the model is trained.",
    "promotion": "What a challenger must pass.",
    "feedback": "Which samples are flagged, and how many.",
    "rollout": "The way of a release into Production. Operates only.",
    "contracts": "By name, what a metric of production must be. Operates only.",
    "audit": "How sensors are audited. Operates only.",
    "audit.correct": "What is corrected by itself once a sensor is surely misread: `unit` (an exact conversion), "
    "`clear` (gains, offsets and signs too) or `never`.",
    "watch": "What silence, lag and sick loops are. Operates only.",
    "alerts": "Who is told of what goes wrong, and how often. Operates only.",
    "drill": "Faults that are injected to see whether they are found. Operates only.",
    "feedback.review": "Which flagged samples are settled without a person. Operates only.",
    "feedback.gate": "What a sample must be to train a model. Operates only.",
    "feedback.retrain": "When a model is trained again, and when not. Operates only.",
    "history": "Where past recordings are.",
    "stream.topic": "Where recordings come in.",
    "stream.labels_topic": "Where late labels come in.",
    "stream.predictions_topic": "Where answers go; `<process>.predictions` by default.",
    "stream.alarms_topic": "Where alarms go; `<process>.alarms` by default.",
    "stream.dead_letter_topic": "Where unusable messages go; `<process>.dead-letters` by default.",
    "stream.partitions": "Of each topic, when `dq topics` creates it.",
    "stream.retention_h": "Hours that new topics keep messages: longer than your longest outage.",
    "stream.min_samples": "A micro-batch is taken as soon as so many messages are unread.",
    "stream.max_wait_s": "... or as soon as the oldest unread message has waited so long, s.",
    "stream.max_samples": "Messages in a micro-batch, at most.",
    "stream.horizon_wait_s": "... or as soon as a horizon has waited so long, s.",
    "stream.max_message_bytes": "A longer message is quarantined.",
    "stream.max_attempts": "A micro-batch that failed so often is parked, and the stream goes on.",
    "stream.lease_s": "How long a run holds a micro-batch before another may adopt it, s.",
    "stream.max_future_s": "A recording that starts later than now by more is quarantined, s.",
    "stream.max_age_days": "... and one that started longer ago.",
    "sample.rows": "Rows of a whole recording.",
    "sample.period_s": "Seconds between rows. A row without a time stands at its position.",
    "sample.horizon_rows": "Rows the model sees. The answer is given after these.",
    "sample.profile_rows": "Rows that quality and drift look at.",
    "sample.timezone": "Of times that name none.",
    "sensors.NAME.unit": "Readings sent in another unit of the same kind are converted. See below.",
    "sensors.NAME.range": "What the sensor can physically show, lowest and highest.",
    "sensors.NAME.trusted": "A sensor of this file that tells what it should read: audits ask it first.",
    "sensors.NAME.aliases": "Names it had: messages and history may still use them.",
    "sensors.NAME.installed": "Day it was put in. This and the next six explain what is found, and decide nothing.",
    "sensors.NAME.firmware": "Version that runs in it.",
    "sensors.NAME.serial": "Its serial number.",
    "sensors.NAME.calibrated": "Day it was last calibrated.",
    "sensors.NAME.calibration_due": "Day it must be calibrated again.",
    "sensors.NAME.calibration_id": "Of its last calibration.",
    "sensors.NAME.maintenance": "What was last done to it.",
    "audit.window": "Newest samples that an audit compares with the release's reference.",
    "encoded.NAME.encoder": "What reads it: `categories`, `log_lines`, `image`, or an installed package's.",
    "encoded.NAME.aliases": "Names it had: messages and history may still use them.",
    "encoded.NAME: categories.categories": "The values that it shows, as text or codes. Others are counted as such.",
    "encoded.NAME: categories.every_rows": "A reading stands for so many rows at most.",
    "encoded.NAME: log_lines.warnings": "Words that make a line a warning.",
    "encoded.NAME: log_lines.errors": "Words that make a line an error.",
    "encoded.NAME: log_lines.every_rows": "A line is expected in so many rows; without it, silence is 0 lines.",
    "encoded.NAME: image.max_pixels": "A larger image is missing.",
    "encoded.NAME: image.every_rows": "A frame is expected every so many rows, and stands for them.",
    "target.name": "What to call it.",
    "target.unit": "Its unit.",
    "target.task": "A number, or one of `classes`.",
    "target.from": "Derived from the completed recording, or sent later on the labels topic.",
    "target.column": "Which column of the recording it is derived from; with `from: labels`, of the recordings of the "
    "history alone. It may be one that is no sensor.",
    "target.rows": "Rows it is derived from, first and one past the last; all by default.",
    "target.reduce": "How these rows become one value.",
    "target.transform": "Applied to that value.",
    "target.classes": "Names of the classes, in order.",
    "alarm.when": "On which side of the limit.",
    "alarm.limit": "In the target's unit.",
    "alarm.on": "The prediction itself, or the bound of its interval that comes to the limit first.",
    "quality.threshold": "A recording that scores lower gets the fallback and trains no model. `sweep`: by trial.",
    "quality.min_retained": "With `sweep`: share of the labelled history that must stay.",
    "quality.fallback": "Its answer: of the release before, the last good value, or none. Always marked as such.",
    "quality.scorer": "`direct`: from the profile; `learned`: by a boosted model that the direct one watches over.",
    "quality.oracle_share": "With `learned`: share of samples that the direct score re-scores.",
    "quality.oracle_tolerance": "With `learned`: mean disagreement from which the model is fitted anew.",
    "quality.unifier": "How the dimensions become one score.",
    "quality.curate": "Keep faulty recordings out of the reference: fit, drop up to a quarter that scores low, refit.",
    "quality.window": "Samples that share what is not theirs alone: a drift lowers no single sample's score.",
    "drift.policy": "`active`: adapt to alarms and errors; `passive`: refit on schedule; `static`: never.",
    "drift.passive_every": "Samples from one refit to the next (`passive`).",
    "drift.detector": "`sequential`: samples one by one; `window`: the newest samples against the reference.",
    "drift.false_alarms_per_1000": "The budget: false alarms in 1000 samples without drift.",
    "drift.worlds": "Resampled streams that the threshold is found in.",
    "drift.world_length": "Samples of each.",
    "drift.statistic": "What the window detector compares: all it has, `combined`, or one divergence.",
    "drift.tau": "The window detector alarms below this significance.",
    "drift.window": "Samples in its window.",
    "drift.stride": "Samples from one of its tests to the next.",
    "drift.draws": "Resampled windows that its significance is taken from.",
    "drift.refit_after": "Samples of a new regime after which detector and reference are fitted anew.",
    "drift.lead_in": "The new reference begins so many samples before the alarm.",
    "drift.regimes": "Past regimes that are kept, to be recognised and reinstated when they recur; 0: none.",
    "model.trees": "Of the boosted model.",
    "model.search": "Settings tried.",
    "model.search_seconds": "... or as many as so many seconds allow; at least one.",
    "model.early_stopping": "Stop adding trees after so many that did not help on the newest fifth.",
    "model.label_guard": "Leave labels out that lie impossibly far from the others (regression).",
    "model.weights": "`fading`: with age, as below; `newest`: the newest `age_scale` samples; `expanding`: all alike.",
    "model.age_scale": "A sample so many samples old weighs 1/e of a new one, plus the floor.",
    "model.age_floor": "The least that an old sample weighs.",
    "model.coverage": "Share of truths that the interval (or set of classes) should hold.",
    "model.recalibrate": "Follow the interval's coverage as labels come, and widen or narrow it (regression).",
    "model.device": "Where it is trained.",
    "model.min_samples": "Labelled samples of good quality without which nothing is trained.",
    "promotion.metric": "What a challenger is compared in.",
    "promotion.tolerance": "Relative amount by which it may be worse before that counts.",
    "promotion.approval": "`human`: a release that passed every gate waits for a person.",
    "promotion.min_retained": "Share of labelled history that must have been good enough to learn from.",
    "promotion.max_latency_ms": "Of one prediction.",
    "promotion.probation": "Samples during which the release before answers along, unseen, and may come back; 0: none.",
    "feedback.flags_per_100": "The budget: of 100 samples in which nothing is wrong, so many may be flagged.",
    "feedback.review.settle": "Whether clear cases are [settled by rule](reviews.md#what-is-settled-without-a-person).",
    "feedback.review.reject_below": "A unified score below this share of the threshold rejects. 0: never.",
    "feedback.review.accept_within": "A label this near the answer, in half-widths, is believed. 0: never.",
    "feedback.review.seen_share": "Share of what a rule would settle that a person sees all the same.",
    "feedback.review.second_opinion": "Share of the samples that two reviewers must agree on, or those in `conflicts`.",
    "feedback.review.tolerance": "Two labels agree that are no farther apart, in half-widths of the interval.",
    "feedback.review.most_opinions": "Where so many do not agree, the sample is rejected.",
    "feedback.gate.missing": "Share of a sample's horizon readings that may be missing.",
    "feedback.gate.range": "Labels outside `[lower, upper]` are refused; in the target's unit. Unset: any.",
    "feedback.gate.near": "Nearer to an earlier sample than a tenth of this quantile of nearest distances: refused.",
    "feedback.gate.labels_per_100": "Of 100 labels, at most so many are refused: they contradict their neighbours.",
    "feedback.gate.min_new": "Fewer samples that the release in Production was not offered: no training.",
    "rollout.shadow": "Judged samples that a staged release predicts unseen first; 0: none. See [rollout](rollout.md).",
    "rollout.canary": "Whether it answers a share of the samples then; `{}` takes the defaults.",
    "rollout.canary.share": "The share.",
    "rollout.canary.samples": "Samples that it answered and whose truth is known, before it answers all.",
    "feedback.retrain.labels": "Train [again](retraining.md) after so many newly labelled samples.",
    "feedback.retrain.coverage": "... or where a smaller share of the flagged samples lies near what was learned from.",
    "feedback.retrain.error": "... or where the error is surely more than so many times the promised one.",
    "feedback.retrain.every_h": "... or so many hours after the last training.",
    "feedback.retrain.min_labels": "New labels that a training needs, unless a drift asks for it.",
    "feedback.retrain.cooldown_h": "Hours from the end of a training to the next, after a drift as well.",
    "feedback.retrain.budget_s": "Seconds of training in seven days, at most.",
    "feedback.retrain.hours": "Hours, first and one past the last, in `sample.timezone`; `[22, 6]` is the night.",
    "feedback.doubtful_band": "Unified scores no farther from the threshold are in doubt; the budget may narrow it.",
    "watch.silence_s": "No message for so long is silence; by default three times the longest pause of the newest 500.",
    "watch.lag_s": "The oldest unread message, or label, may have waited so long.",
    "watch.stale_claim_s": "A batch may lie open without a holder for so long.",
    "watch.failures": "So many runs of the deployment failed in a row are told.",
    "watch.latency_s": "Answers may take so long; by default twice the usual latency at its worst.",
    "watch.adaptations_per_1000": "Usual drift events in 1000 samples; by default `drift.false_alarms_per_1000`.",
    "watch.error_ratio": "The error may surely be so many times the promised one before somebody has noticed.",
    "watch.volatility_ratio": "A release may surely be so many times as volatile as the one it replaced.",
    "watch.score_spread": "The score is stuck where its spread is at most this share of the usual one.",
    "watch.cooldown_s": "An alert is cleared when all has been well for so long.",
    "alerts.to": "By severity, the names of who hears of it. See [alerts](alerts.md). Without it nobody does.",
    "alerts.to.critical": "Names; the address of `pager` is in `DQ_ALERTS_PAGER` or the Connection `dq_alerts_pager`.",
    "alerts.to.warning": "Names; critical notices do not go to them on top.",
    "alerts.to.info": "Names; the end of what somebody was told of goes to those who heard of it too.",
    "alerts.changes": "Who hears that another release answers; by default those of warnings; `[]`: nobody.",
    "alerts.mute": "Kinds that are kept and told to nobody, as `watch/erratic`.",
    "alerts.cooldown_min": "Minutes in which the same is not said again of the same subject, unless it is more severe.",
    "alerts.quiet_hours": "Two times of day in `sample.timezone`, as `[22:00, 06:00]`; critical notices go through.",
    "alerts.maintenance": "Planned work. What comes meanwhile, critical too, is told at its end.",
    "alerts.maintenance.from": "When it begins, as `2026-03-01T22:00`; in `sample.timezone` where it says no zone.",
    "alerts.maintenance.until": "When it ends.",
    "alerts.maintenance.reason": "For people.",
    "drill.every_h": "Hours from one [drill](drills.md) to the next; unset: only on demand.",
    "drill.faults": "Injected by turns.",
    "drill.sensor": "The one that is hit where a fault hits one; unset: another one each time.",
    "drill.samples": "Damaged recordings within which the fault has to be found, named and told of.",
    "contracts.NAME.metric": "What is measured: see [contracts](contracts.md).",
    "contracts.NAME.slice": "Which samples it speaks of; all where nothing is said.",
    "contracts.NAME.window": "The newest samples it looks at: those of the release, with a truth where it needs one.",
    "contracts.NAME.expected": "A number, or `released`: as the release was evaluated.",
    "contracts.NAME.tolerance": "How much worse production may be; each metric has one of its own where none is said.",
    "contracts.NAME.quantile": "Of `score`, the median by default, or of `decision_latency`, 0.95.",
    "contracts.NAME.min_samples": "Fewer give no verdict; nor do fewer than the root of the samples in the window.",
    "contracts.NAME.severity": "Of the alert, by what a breach costs.",
    "contracts.NAME.owner": "Who answers for it; the process' owner by default.",
    "contracts.NAME.runbook": "The page of docs/runbooks that says what to do.",
    "contracts.NAME.signed_by": "Who agreed to it: stands in the ledger as who made this version.",
    "contracts.NAME.slice.by": "A key of the metadata, or `source`: each value is a slice, the 20 most frequent ones.",
    "contracts.NAME.slice.season": "... or each hour, weekday or month of the start, in `sample.timezone`.",
    "contracts.NAME.slice.sensors": "Whose missing readings count: for `null_rate`, `missing_above` and `outage_s`.",
    "contracts.NAME.slice.missing_above": "Only samples that lack more than this share of their readings.",
    "contracts.NAME.slice.outage_s": "Only the first after a gap of so many seconds, and those with a silent sensor.",
    "contracts.NAME.tolerance.relative": "Share of what is expected; of `bias`, share of the error that was promised.",
    "contracts.NAME.tolerance.absolute": "... and so much more, in the metric's unit.",
    "history.uri": "Files: CSV, Parquet or Arrow, one, a pattern or a folder; any fsspec address.",
    "history.table": "... or a database table, `table` or `schema.table`.",
    "history.query": "... or a query.",
    "history.connection": "`NAME`: the database's SQLAlchemy URL is in `DQ_CONNECTION_NAME`. The ledger's without it.",
    "history.id": "Column that tells recordings apart.",
    "history.time": "Column of a row's time: a moment, or seconds since the recording's start.",
    "history.start": "Column of a recording's start, where `time` holds seconds.",
    "history.group": "Column within which windows are cut.",
    "history.window_rows": "Instead of `id`: cut windows of so many rows out of a continuous table.",
    "history.stride_rows": "Rows from one window to the next; `window_rows` by default.",
    "history.samples": "Recordings that an initialization reads, from the oldest.",
}


def processes() -> str:
    """The page of all keys."""
    known = {f"{section}.{name}".lstrip(".") for section in SECTIONS for name, _ in _keys(section)}
    if known != set(MEANING):
        missing, gone = sorted(known - set(MEANING)), sorted(set(MEANING) - known)
        sys.exit(f"docs/generate.py: expected a meaning for each key; missing: {missing}; of no key: {gone}")
    parts = [INTRODUCTION]
    for section, cls in SECTIONS.items():
        title = f"`{section}`" if section else "The file"
        told = (cls.__doc__ or "").partition("Examples\n")[0]
        text = "\n".join(line.strip() for line in told.strip().splitlines())
        rows = [f"| `{name}` | {kind} | {MEANING[f'{section}.{name}'.lstrip('.')]} |" for name, kind in _keys(section)]
        parts.append("\n".join([f"## {title}", "", text, "", HEAD, *rows]))
    kinds: dict[str, list[str]] = {}
    for name, unit in UNITS.items():
        kinds.setdefault(unit.dimension, []).append(f"`{name}`")
    units = [f"* {kind}: {', '.join(names)}" for kind, names in kinds.items()]
    parts.append("\n".join(["## Units", "", "Readings are converted between units of one line.", "", *units]))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _keys(section: str) -> Iterator[tuple[str, str]]:
    """Keys of a section and, in words, what each takes."""
    schema = SECTIONS[section].model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    for name, entry in schema["properties"].items():
        default = entry.get("default")
        if name in required:
            fallback = "**required**"
        elif default in (None, "", []) or isinstance(default, dict):
            fallback = "optional"
        else:
            fallback = f"default `{json.dumps(default) if not isinstance(default, str) else default}`"
        yield name, f"{_kind(entry)}; {fallback}"


def _kind(entry: dict[str, Any]) -> str:
    if "$ref" in entry or "additionalProperties" in entry:
        return "a section"
    if "anyOf" in entry:
        return next(_kind(option) for option in entry["anyOf"] if option.get("type") != "null")
    if "enum" in entry or "const" in entry:
        return ", ".join(f"`{value}`" for value in entry.get("enum", [entry.get("const")]))
    if entry["type"] == "array":
        if "$ref" in entry.get("items", {}):
            return "a list of sections"
        if any(part["type"] == "string" for part in entry.get("prefixItems", ())):
            return "[first, end], times"
        return "[lower, higher], numbers" if "prefixItems" in entry else "a list of text"
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    said = [f"{word} {entry[limit]:.10g}" for limit, word in LIMITS.items() if limit in entry]
    return ", ".join([words[entry["type"]], *said])


def metrics() -> str:
    """The page of all metrics."""
    lines = ["| metric | kind | labels | |", "| --- | --- | --- | --- |"]
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{name}` | {metric.kind} | {labels} | {metric.told} |")
    return METRICS_INTRODUCTION + "\n" + "\n".join(lines) + "\n"


def measured() -> list[dict[str, Any]]:
    """All rows of docs/results."""
    return [row for file in sorted(RESULTS.glob("*.json")) for row in json.loads(file.read_text(encoding="utf-8"))]


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of evidence as a table."""
    lines = ["| measured | value | against | bar | holds |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        cells = ["" if row[key] is None else str(row[key]) for key in ("against", "bar")]
        holds = {True: "yes", False: "no", None: ""}[row["holds"]]
        lines.append(f"| {row['name']} | {row['value']} {row['unit'] or ''} | {' | '.join(cells)} | {holds} |")
    return "\n".join(lines)


def figures() -> str:
    """The page of all rows, a section for each benchmark."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in measured():
        groups.setdefault(row["name"].split("/")[0], []).append(row)
    sections = [f"## {name}\n\n{table(rows)}" for name, rows in groups.items()]
    return "\n\n".join([FIGURES_INTRODUCTION.strip(), *sections]) + "\n"


def evidence() -> str:
    """The README's table: of each benchmark how many bars hold, and the figures that miss theirs."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in measured():
        if row["bar"] is not None:
            groups.setdefault(row["name"].split("/")[0], []).append(row)
    if not groups:
        return "No figures are published yet: `make bench` measures them on your machine."
    lines = ["| measured | bars that hold | bars that do not |", "| --- | --- | --- |"]
    for name, rows in groups.items():
        missed = [row for row in rows if row["holds"] is False]
        told = "; ".join(f"{row['name'].partition('/')[2]}: {row['value']}, bar {row['bar']}" for row in missed)
        link = f"[{name}](docs/figures.md#{name.replace(' ', '-')})"
        lines.append(f"| {link} | {sum(row['holds'] is True for row in rows)} of {len(rows)} | {told} |")
    return "\n".join(lines)


def with_evidence(readme: str) -> str:
    """The README with its table as docs/results say."""
    pattern = re.compile(f"{re.escape(START)}.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        sys.exit(f"README.md: expected {START} and {END} once each")
    return pattern.sub(lambda _: f"{START}\n{evidence()}\n{END}", readme)


def lean(rows: list[dict[str, Any]]) -> str:
    """The same for a page of prose: without columns that say nothing."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table(rows).splitlines()]
    told = [any(row[place] for row in cells[2:]) for place in range(len(cells[0]))]
    return "\n".join(f"| {' | '.join(cell for cell, tells in zip(row, told, strict=True) if tells)} |" for row in cells)


def with_figures(page: str) -> str:
    """A page with each of its tables of figures as docs/results say."""

    def filled(found: re.Match[str]) -> str:
        wanted = tuple(part.strip() for part in found[1].split(";"))
        rows = [row for row in measured() if row["name"].startswith(wanted)]
        for part in wanted:
            if not any(row["name"].startswith(part) for row in rows):
                sys.exit(f"docs/results: expected a figure that begins with {part!r}; found none")
        return f"<!-- figures: {found[1]} -->\n{lean(rows)}\n<!-- end of figures -->"

    return QUOTED.sub(filled, page)


def main(arguments: list[str]) -> None:
    """Write the pages and the tables."""
    if arguments == ["evidence"]:
        RESULTS.mkdir(exist_ok=True)
        for file in sorted((ROOT / "var" / "evidence").glob("*.json")):
            shutil.copyfile(file, RESULTS / file.name)
    elif arguments:
        sys.exit(f"Expected no argument or `evidence`; found {' '.join(arguments)}.")
    PAGE.write_text(processes(), encoding="utf-8")
    METRICS_PAGE.write_text(metrics(), encoding="utf-8")
    for name, text in dashboards().items():
        (DASHBOARDS / name).write_text(text, encoding="utf-8")
    FIGURES.write_text(figures(), encoding="utf-8")
    README.write_text(with_evidence(README.read_text(encoding="utf-8")), encoding="utf-8")
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if QUOTED.search(text):
            page.write_text(with_figures(text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
