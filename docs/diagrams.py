"""Draws the pictures of docs/concepts: boxes on a grid, arrows between them, light and dark.

Run `python docs/diagrams.py` after an edit. The pictures are SVG without a script or a font of their own.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "concepts"
WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 166, 92, 54, 58, 24
STYLE = """
    .page { fill: #f6f8fa; stroke: #c3ccd6; }
    .box { fill: #ffffff; stroke: #57708a; stroke-width: 1.5; }
    .step { fill: #e3f0fb; stroke: #2b6ca3; stroke-width: 1.5; }
    .learn { fill: #e8f5e3; stroke: #47813a; stroke-width: 1.5; }
    .store { fill: #fbf1de; stroke: #9a6c1d; stroke-width: 1.5; }
    .stop { fill: #fbe6e4; stroke: #a83a32; stroke-width: 1.5; }
    text { fill: #1d2733; text-anchor: middle; }
    .small { font-size: 12px; fill: #46566a; }
    .name { font-weight: 600; }
    .line { fill: none; stroke: #57708a; stroke-width: 1.6; marker-end: url(#tip); }
    .tip { fill: #57708a; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #141b23; stroke: #35424f; }
      .box { fill: #1e2833; stroke: #7e97b0; }
      .step { fill: #15324b; stroke: #5aa2dc; }
      .learn { fill: #1c3518; stroke: #74b565; }
      .store { fill: #3a2c10; stroke: #d3a14a; }
      .stop { fill: #43201d; stroke: #e07a71; }
      text { fill: #e8eef4; }
      .small { fill: #a9b8c7; }
      .line { stroke: #7e97b0; }
      .tip { fill: #7e97b0; }
    }
"""


@dataclass(frozen=True)
class Box:
    """One box: its column and row on the grid, its kind (a class of the style), its name and lines below."""

    column: int
    row: int
    kind: str
    name: str
    lines: tuple[str, ...]

    @property
    def left(self) -> int:
        """Of the box, in the picture's units; likewise the others."""
        return EDGE + self.column * (WIDTH + ACROSS)

    @property
    def top(self) -> int:
        return EDGE + self.row * (HEIGHT + DOWN)

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + WIDTH / 2, self.top + HEIGHT / 2


@dataclass(frozen=True)
class Picture:
    """A picture: what it says in words, its boxes by a short name, its arrows as (from, to, label)."""

    title: str
    words: str
    boxes: dict[str, Box]
    arrows: tuple[tuple[str, str, str], ...]


def row(number: int, *boxes: tuple[str, str, str, str], first: int = 0, back: bool = False) -> dict[str, Box]:
    """Boxes side by side, each (short name, kind, name, lines parted by `/`); `back` puts them from right to left."""
    step = -1 if back else 1
    return {
        short: Box(first + step * place, number, kind, name, tuple(lines.split("/")))
        for place, (short, kind, name, lines) in enumerate(boxes)
    }


def chain(*names: str) -> tuple[tuple[str, str, str], ...]:
    """Arrows from each to the next."""
    return tuple((one, other, "") for one, other in pairwise(names))


PICTURES = {
    "micro-batch": Picture(
        "The life of a micro-batch",
        "The sensor waits for messages without a worker. pull claims a range of offsets in the ledger and lands "
        "the raw messages in the lake. assess reads them, scores, watches and predicts, and leaves its outcome in "
        "the lake. act commits the outcome in one transaction of the ledger and sends what is in its outbox. "
        "decide asks what is next.",
        row(
            0,
            ("in", "box", "Kafka", "horizons,/whole recordings"),
            ("wait", "step", "wait", "in the triggerer,/without a worker"),
            ("pull", "step", "pull", "claims offsets,/lands the messages"),
            ("assess", "step", "assess", "scores, watches,/predicts"),
            ("act", "step", "act", "commits, then sends"),
            ("out", "box", "Kafka", "predictions, alarms,/dead letters"),
        )
        | row(
            1,
            ("claim", "store", "Ledger", "one claim,/with its fence"),
            ("lake", "store", "Lake", "raw messages,/the outcome"),
            ("commit", "store", "Ledger", "one transaction:/all of it or nothing"),
            ("decide", "step", "decide", "nothing, adapt,/or roll back"),
            first=2,
        ),
        (
            *chain("in", "wait", "pull", "assess", "act", "out"),
            ("pull", "claim", ""),
            ("assess", "lake", ""),
            ("act", "commit", ""),
            ("commit", "decide", ""),
        ),
    ),
    "quality": Picture(
        "From readings to one score",
        "A recording is profiled in one pass. Five dimensions are measured for each sensor against the reference. "
        "What the newest recordings have in common is taken out, for that is drift. The rest is pooled over "
        "sensors, what clean recordings miss is allowed, and the five become one score. A recording that reaches "
        "the threshold may teach; one below it is answered by the fallback and never learned.",
        row(
            0,
            ("recording", "box", "Recording", "rows of readings"),
            ("profile", "step", "Profile", "one pass: counts,/histograms"),
            ("dimensions", "step", "Five dimensions", "a sensor: accuracy,/completeness, .../each from 0 to 1"),
            ("common", "step", "Less the common", "what the window/shares is drift"),
        )
        | row(
            1,
            ("pool", "step", "Over sensors", "between average/and worst"),
            ("allow", "step", "Allowance", "1 within what clean/recordings miss"),
            ("score", "store", "Unified score", "weights by variance,/from 0 to 1"),
            ("good", "learn", "Reaches it", "the model's answer;/may teach"),
            first=3,
            back=True,
        )
        | row(2, ("bad", "stop", "Below it", "the fallback's answer;/never learned"), first=1),
        (
            *chain("recording", "profile", "dimensions", "common", "pool", "allow", "score", "good"),
            ("score", "bad", "quality.threshold"),
        ),
    ),
    "drift": Picture(
        "From a reference to an alarm with a name",
        "The reference gives features, their relations, and streams resampled from it. On these the threshold is "
        "found that keeps the stated budget of false alarms. Each new recording becomes features, freed of what "
        "neighbours share, and updates one statistic. Beyond the threshold it is an alarm with sensors and a "
        "change point; its cause is asked before anything adapts.",
        row(
            0,
            ("reference", "store", "Reference", "recordings of/the release"),
            ("fit", "learn", "Fit", "features, relations,/serial dependence"),
            ("worlds", "learn", "Resampling", "streams without/any drift"),
            ("threshold", "learn", "Threshold", "false alarms per 1000/as stated"),
        )
        | row(
            1,
            ("recording", "box", "New recording", "only if good enough"),
            ("features", "step", "Features", "as innovations"),
            ("statistic", "step", "Statistic", "mixture over/change points"),
            ("alarm", "stop", "Alarm", "sensors,/change point"),
        )
        | row(
            2,
            ("sensor", "box", "A sensor", "withheld or corrected,/never learned"),
            ("cause", "step", "Cause first", "sensor or process?"),
            ("process", "learn", "The process", "adapt"),
            first=1,
        ),
        (
            *chain("reference", "fit", "worlds", "threshold", "alarm"),
            *chain("recording", "features", "statistic", "alarm"),
            ("fit", "features", ""),
            ("alarm", "cause", ""),
            ("cause", "sensor", ""),
            ("cause", "process", ""),
        ),
    ),
    "release": Picture(
        "The way of a release",
        "What is due is trained from samples that passed the gate. The challenger is judged on samples it has not "
        "seen. If any promotion gate objects it is rejected. Else it is staged, may go by shadow and canary, and "
        "comes into Production, on probation, with the release before answering along. Surely worse, it is rolled "
        "back.",
        row(
            0,
            ("due", "box", "Due", "a drift, labels,/time, a person"),
            ("retrain", "learn", "retrain", "of what passed/the training gate"),
            ("evaluate", "step", "evaluate", "not worse, volume,/coverage, latency"),
            ("reject", "stop", "reject", "with the gate's reason"),
        )
        | row(
            1,
            ("stage", "step", "stage", "in MLflow and/the ledger"),
            ("shadow", "step", "Shadow", "predicts unseen;/if stated"),
            ("canary", "step", "Canary", "answers a share;/if stated"),
            ("production", "learn", "Production", "answers all,/on probation"),
        )
        | row(2, ("before", "store", "Release before", "restored bit for bit"), first=2)
        | row(2, ("worse", "stop", "roll_back", "if surely worse"), first=3),
        (
            *chain("due", "retrain", "evaluate", "reject"),
            ("evaluate", "stage", "all gates pass"),
            *chain("stage", "shadow", "canary", "production", "worse", "before"),
        ),
    ),
    "loop": Picture(
        "What production teaches comes back",
        "Doubtful answers are flagged within a budget. Clear cases are settled by rule, the others by a person. "
        "Labels come late and may contradict each other: which one counts is a rule. The training gate refuses "
        "what cannot be right; what passes is a versioned batch. The governor trains when it pays, and the new "
        "release answers.",
        row(
            0,
            ("answer", "step", "Answers", "of the release/in Production"),
            ("flag", "step", "Flags", "within a budget"),
            ("review", "box", "Reviews", "by rule,/or by a person"),
            ("label", "store", "Labels", "late, corrected,/in conflict"),
        )
        | row(
            1,
            ("gate", "step", "Training gate", "refuses with a reason"),
            ("batch", "store", "Training batch", "named by its content"),
            ("governor", "step", "Governor", "when it pays,/within a budget"),
            ("release", "learn", "Release", "passes its gates"),
            first=3,
            back=True,
        ),
        (*chain("answer", "flag", "review", "label", "gate", "batch", "governor", "release", "answer"),),
    ),
    "causes": Picture(
        "From alerts to one cause and one remedy",
        "Alerts of the watch, the contracts and the drift detector come together. What an open incident explains "
        "joins it. The rest makes a case. Nine steps look at it in a fixed order; the first that holds names the "
        "cause. Each cause has one remedy, done at most once.",
        row(
            0,
            ("alerts", "box", "Alerts, drift event", "something measured is/beyond its limit"),
            ("known", "step", "Explained?", "by an open incident"),
            ("join", "store", "Joins it", "nobody is told again"),
        )
        | row(
            1,
            ("case", "step", "A case", "the newest samples/beside those before"),
            ("code", "step", "The release", "parity of its steps,/what was promoted"),
            ("sensor", "step", "The data", "delivery, one channel,/units, the others"),
            ("plant", "step", "The plant", "modes, process,/labels, concept"),
        )
        | row(
            2,
            ("wait", "box", "Not sure yet", "waits for samples,/then undetermined"),
            ("back", "stop", "Roll back", "a release that/computes otherwise"),
            ("correct", "store", "Withhold, correct", "a sensor's readings,/labels, late data"),
            ("adapt", "learn", "Adapt", "or reinstate a/known regime"),
        ),
        (
            *chain("alerts", "known", "join"),
            ("known", "case", "no"),
            *chain("case", "code", "sensor", "plant"),
            ("case", "wait", ""),
            ("code", "back", ""),
            ("sensor", "correct", ""),
            ("plant", "adapt", ""),
        ),
    ),
}


def drawn(picture: Picture) -> str:
    """The picture as SVG."""
    boxes = picture.boxes.values()
    width = max(box.left for box in boxes) + WIDTH + EDGE
    height = max(box.top for box in boxes) + HEIGHT + EDGE
    font = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="title words" font-family="{font}" font-size="15">',
        f'  <title id="title">{html.escape(picture.title)}</title>',
        f'  <desc id="words">{html.escape(picture.words)}</desc>',
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path class="tip" d="M0 0 L10 5 L0 10 Z"/></marker></defs>',
        f'  <rect class="page" x="1" y="1" width="{width - 2}" height="{height - 2}" rx="14"/>',
        *(line for one, other, label in picture.arrows for line in arrow(picture, one, other, label)),
        *(line for box in boxes for line in box_lines(box)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def box_lines(box: Box) -> list[str]:
    """A box with its words."""
    x, y = box.left + WIDTH // 2, box.top + HEIGHT // 2 - 9 * len(box.lines) + 3
    said = [f'  <text class="name" x="{x}" y="{y}">{html.escape(box.name)}</text>']
    said += [
        f'  <text class="small" x="{x}" y="{y + 19 + 16 * place}">{html.escape(line)}</text>'
        for place, line in enumerate(box.lines)
    ]
    shape = f'  <rect class="{box.kind}" x="{box.left}" y="{box.top}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
    return [shape, *said]


def arrow(picture: Picture, one: str, other: str, label: str) -> list[str]:
    """A straight arrow along a row or a column; else down, across between the rows, and down."""
    start, end = picture.boxes[one], picture.boxes[other]
    (x, y), (u, v) = start.middle, end.middle
    half_width, half_height = WIDTH / 2, HEIGHT / 2
    if start.row == end.row:
        side = 1 if u > x else -1
        path, mark = f"M{x + side * half_width} {y} L{u - side * half_width} {v}", ((x + u) / 2, y - 8)
    else:
        side = 1 if v > y else -1
        bend = v - side * (half_height + DOWN / 2)
        across = f" L{x} {bend} L{u} {bend}" if x != u else ""
        path, mark = f"M{x} {y + side * half_height}{across} L{u} {v - side * half_height}", ((x + u) / 2, bend - 6)
    lines = [f'  <path class="line" d="{path}"/>']
    if label:
        aside = WIDTH / 2 - 26 if x == u else 0
        lines.append(
            f'  <text class="small" x="{mark[0] + aside}" y="{mark[1] + 10 * (x == u)}">{html.escape(label)}</text>'
        )
    return lines


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(drawn(picture), encoding="utf-8")


if __name__ == "__main__":
    main()
