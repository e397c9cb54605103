"""Judge a challenger at the gates and register it: into Staging if they let it pass, archived if they refuse it."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.records import ReleaseRow
from dq_pipeline.release import parity, promotion
from dq_pipeline.release.bundle import Release
from dq_pipeline.release.evidence import evidence_from_bytes
from dq_pipeline.steps import agenda, rollout
from dq_pipeline.steps.challenger import built, is_built, rng_of
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.rollback import sync_registry
from dq_pipeline.steps.training_version import TRAINING_BATCH

VERDICT = "gates.json"
"""What the gates found, in the folder of the challenger."""


def evaluate(world: World, process: str, *, key: str) -> dict[str, Any]:
    """Ask every gate; `passed` says whether the challenger may be promoted. A carried model was judged before.

    What was stored has to give, in this code, what it gave when it was made: see :mod:`dq_pipeline.release.parity`.
    """
    agenda.renew(world, process, key)
    folder = built(world, process, key)["folder"]
    evidence = evidence_from_bytes(world.lake.get(f"{folder}/evidence.npz"))
    gates = () if evidence is None else promotion.assess(evidence, world.process(process).promotion, rng_of(key))
    gates = (*gates, _same_as_made(world, folder))
    verdict = promotion.decide(gates)
    report = {"key": key, "passed": verdict.promote, "why": verdict.reason, "gates": [asdict(gate) for gate in gates]}
    world.lake.put(f"{folder}/{VERDICT}", json.dumps(report).encode())
    return report


def _same_as_made(world: World, folder: str) -> promotion.GateResult:
    with tempfile.TemporaryDirectory() as scratch:
        world.lake.get_folder(f"{folder}/release", Path(scratch) / "release")
        steps = parity.differs(Release.load(Path(scratch) / "release"))
    said = f"it gives other {', '.join(steps)} than when it was made" if steps else "it gives what it gave when made"
    return promotion.GateResult("parity", not steps, float(len(steps)), 0.0, said)


def refusal(world: World, process: str, key: str) -> str | None:
    """Why the gates refused a challenger; None if they let it pass, or were not asked."""
    if not is_built(world, process, key):
        return None
    uri = f"{built(world, process, key)['folder']}/{VERDICT}"
    report = json.loads(world.lake.get(uri)) if world.lake.exists(uri) else {"passed": True}
    return None if report["passed"] else str(report["why"])


def stage(world: World, process: str, *, key: str) -> dict[str, Any]:
    """Register the challenger and put it into Staging, where its rollout begins if the process file has one.

    Returns
    -------
    dict
        `key`, `version`, and `rollout`: where it stands; None where it is to be promoted now.

    Raises
    ------
    StateError
        If the gates refused it.
    """
    agenda.renew(world, process, key)
    refused = refusal(world, process, key)
    if refused is not None:
        raise StateError(f"a challenger that every gate let pass expected, found {key} of {process}: {refused}")
    row = register(world, process, key)
    if row.stage == "None":
        world.ledger.move_release(process, row.version, "stage", who="dq", why=f"challenger {key}", now=utc_now())
    sync_registry(world, process)
    begun = rollout.begin(world, row)
    waits = begun is not None and begun.state != "promoted"
    return {"key": key, "version": row.version, "rollout": begun.state if begun is not None and waits else None}


def register(world: World, process: str, key: str) -> ReleaseRow:
    """Give what was built a version, in the registry and in the ledger; the same challenger twice is one."""
    about = built(world, process, key)
    kind, event = about["kind"], about["event"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "release"
        world.lake.get_folder(f"{about['folder']}/release", folder)
        release = Release.load(folder)
        metrics = {name: float(v) for name, v in release.metrics.items() if isinstance(v, int | float)}
        settings = release.governs(world.process(process)).settings_hash()
        batch = release.metrics.get(TRAINING_BATCH)
        tags = {"kind": kind, "event": str(event or ""), "settings": settings}
        tags |= {} if batch is None else {f"dq.{TRAINING_BATCH}": batch}
        version, run_id = world.registry.log_release(process, folder, key=key, metrics=metrics, tags=tags)
    if batch is not None:  # one that is carried over, or reinstated, learned from what the release before did
        world.ledger.use_training_set(process, key, batch)
    row = world.ledger.add_release(
        ReleaseRow(
            process=process,
            version=version,
            run_id=run_id,
            stage="None",
            key=key,
            event=event,
            kind=kind,
            metrics=metrics | _lines(release),
            samples=sum(batch.samples for batch in release.manifest),
            created_at=release.created_at,
            settings_hash=tags["settings"],
        )
    )
    world.ledger.configuration(process, tags["settings"], dict(release.settings), utc_now())
    return row


def _lines(release: Release) -> dict[str, float]:
    """What the release holds scores and drift statistics against, so that a page need not load it to draw them."""
    found = {"line/threshold": float(release.threshold)}
    if release.detector is not None and math.isfinite(release.detector.threshold):
        found["line/drift_threshold"] = float(release.detector.threshold)
    return found
