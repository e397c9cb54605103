"""What a release promised at its evaluation."""

from __future__ import annotations

from dq_pipeline.ports import World
from dq_pipeline.release.evidence import evidence_from_bytes
from dq_pipeline.release.promise import Promise
from dq_pipeline.steps.challenger import built, is_built
from dq_pipeline.steps.serving import Serving


def promised(world: World, serving: Serving, metric: str) -> Promise | None:
    """Of the release itself; one whose model was carried over has the figure it was carried with."""
    name, key, metrics = serving.process.name, serving.row.key, serving.bundle.metrics
    figure = metrics.get(metric)
    if not isinstance(figure, int | float):
        return None
    judged_on = int(metrics.get("judged_on", 0))
    if not is_built(world, name, key):
        return Promise(float(figure), judged_on)
    uri = f"{built(world, name, key)['folder']}/evidence.npz"
    evidence = evidence_from_bytes(world.lake.get(uri)) if world.lake.exists(uri) else None
    if evidence is None:
        return Promise(float(figure), judged_on)
    return Promise(float(figure), len(evidence.truth), evidence.truth, evidence.challenger)
