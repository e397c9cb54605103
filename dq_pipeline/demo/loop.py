"""What production taught: flags, reviews and the gate against injected truth, and the trainings that came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from dq_pipeline import evidence
from dq_pipeline.demo.director import Played
from dq_pipeline.demo.scene import EVERY
from dq_pipeline.late_labels import Labels
from dq_pipeline.records import FlagKind, TrainingSet
from dq_pipeline.wiring import World

RECALL, RATE, CAUGHT, LOST = 0.8, 0.15, 0.8, 0.05
"""Bars: flagged of what is injected, at least, and of all, at most; refused of wrong labels, and of right ones."""
_CHANCE = {"recall": 0.1, "rate": 0.03, "caught": 0.2, "lost": 0.03}
"""By how much a share may miss its bar on one stream, of some forty wrong samples and ten wrong labels."""
_OF_LABELS = frozenset({"consistency", "conflict", "range"})


def told(world: World, played: Played) -> dict[str, Any] | None:
    """Figures of the way back from production to training, as JSON can hold them; None where no labels came late."""
    name, labels = played.process.name, played.feed.labels
    if labels is None:
        return None
    arrived = {str(row["sample_id"]) for row in world.ledger.samples(name, EVERY)}
    wrong, faulty = labels.right.keys() & arrived, played.feed.faults.keys() & arrived
    counts = world.ledger.review_counts(name)
    settled = world.ledger.reviews(name, state="settled")
    said = world.ledger.opinions(name, [review.id for review in settled])
    who = {one.who for opinions in said.values() for one in opinions if not one.automatic}
    return {
        "labels": {"lag": labels.lag, "sent": len(labels.said), "wrong": len(wrong)},
        "flags": _flags(world, name, arrived, wrong, faulty),
        "reviews": {
            **counts,
            "by_rule": dict(Counter(str(one.outcome) for one in settled if one.automatic)),
            "by_person": dict(Counter(str(one.outcome) for one in settled if not one.automatic)),
            "reviewers": sorted(who),
        },
        "gate": _gate(world, name, labels, arrived),
        "trainings": [
            {"version": row.version, "asked_by": row.key.split("-")[0], "stage": row.stage, "samples": row.samples}
            for row in world.ledger.releases(name)
        ],
    }


def _flags(world: World, process: str, arrived: Set[str], wrong: Set[str], faulty: Set[str]) -> dict[str, Any]:
    rows = [row.flag for row in world.ledger.flags(process)]
    flagged = {flag.sample_id for flag in rows if flag.kind is not FlagKind.REPORTED} & arrived
    kinds = Counter(str(kind) for kind, _ in {(flag.kind, flag.sample_id) for flag in rows})
    return {
        "samples": len(arrived),
        "flagged": len(flagged),
        "rate": _share(len(flagged), len(arrived)),
        "recall": _share(len(flagged & (wrong | faulty)), len(wrong | faulty)),
        "recall_of_wrong_labels": _share(len(flagged & wrong), len(wrong)),
        "recall_of_faults": _share(len(flagged & faulty), len(faulty)),
        "by_kind": dict(kinds),
    }


def _gate(world: World, process: str, labels: Labels, arrived: Set[str]) -> dict[str, Any]:
    """Of the labels as they were sent that stood before the gate, nobody having looked at them, over all trainings."""
    found: Counter[str] = Counter()
    for version in world.ledger.training_sets(process):
        learned = {
            one.sample_id: one.target
            for one in world.ledger.training_samples(process, version.hash)
            if one.sample_id in arrived
        }
        found.update(_judged(learned, _refused(version) & arrived, labels))
    return {
        **{part: found[part] for part in ("wrong_refused", "wrong_learned", "right_refused", "right_learned")},
        "caught": _share(found["wrong_refused"], found["wrong_refused"] + found["wrong_learned"]),
        "lost": _share(found["right_refused"], found["right_refused"] + found["right_learned"]),
    }


def _judged(learned: Mapping[str, float], refused: Set[str], labels: Labels) -> Counter[str]:
    """Labels by what they were and what became of them; one that a reviewer corrected is right."""
    found = Counter(
        "wrong_learned" if name in labels.right and np.isclose(target, labels.said[name].value) else "right_learned"
        for name, target in learned.items()
    )
    found.update("wrong_refused" if name in labels.right else "right_refused" for name in refused)
    return found


def _refused(version: TrainingSet) -> set[str]:
    """Whose label the gate refused: what a reviewer has looked at it never does."""
    return {str(one["sample_id"]) for one in version.findings["refused"] if one["gate"] in _OF_LABELS}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def shortcomings(found: dict[str, Any]) -> list[str]:
    """What the loop must do and did not; a figure is told that misses its bar by more than chance explains."""
    asked = {row["asked_by"] for row in found["trainings"] if row["stage"] in ("Production", "Archived")}
    flags, gate = found["flags"], found["gate"]
    checks = {
        f"of what is wrong {flags['recall']} flagged, {RECALL} expected": _misses(flags["recall"], RECALL, "recall"),
        f"{flags['rate']} of all samples flagged, at most {RATE} expected": _exceeds(flags["rate"], RATE, "rate"),
        f"of the wrong labels {gate['caught']} refused, {CAUGHT} expected": _misses(gate["caught"], CAUGHT, "caught"),
        f"of the right labels {gate['lost']} refused, at most {LOST} expected": _exceeds(gate["lost"], LOST, "lost"),
        f"a training asked for by new labels expected, found {', '.join(sorted(asked))}": "labels" not in asked,
    }
    return [text for text, bad in checks.items() if bad]


def _misses(value: float | None, bar: float, share: str) -> bool:
    return value is not None and value < bar - _CHANCE[share]


def _exceeds(value: float | None, bar: float, share: str) -> bool:
    return value is not None and value > bar + _CHANCE[share]


def evidence_rows(process: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """The loop's figures as evidence."""
    name, flags, gate, reviews = f"loop/{process}", found["flags"], found["gate"], found["reviews"]
    parts = f"wrong labels {flags['recall_of_wrong_labels']}, faults {flags['recall_of_faults']}"
    people = sum(reviews["by_person"].values())
    rules = f"{sum(reviews['by_rule'].values())} by rule, {reviews['waiting']} waiting"
    return [
        evidence.row(f"{name}/flags_recall", flags["recall"], "share", parts, RECALL, at_least=True),
        evidence.row(f"{name}/flags_rate", flags["rate"], "share", f"{flags['flagged']} of {flags['samples']}", RATE),
        evidence.row(f"{name}/gate_wrong_labels_refused", gate["caught"], "share", None, CAUGHT, at_least=True),
        evidence.row(f"{name}/gate_right_labels_refused", gate["lost"], "share", None, LOST),
        evidence.row(f"{name}/reviews_settled_by_a_person", people, "reviews", rules),
        evidence.row(f"{name}/trainings", len(found["trainings"]) - 1, "releases"),
    ]
