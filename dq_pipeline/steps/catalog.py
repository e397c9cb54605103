"""The catalog: what files and ledger say there is, and who looked at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Protocol

from dq_pipeline.audit.inventory import facts_of
from dq_pipeline.catalog import known, sources
from dq_pipeline.catalog.entry import Entry, Review, Source, reviewed
from dq_pipeline.catalog.known import Known
from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.wire.envelope import Envelope
from dq_pipeline.wire.labels import Label

REVIEW_WITHIN = timedelta(days=180)


class Files(Protocol):
    """The files that entries are made of."""

    def known(self) -> str:
        """The file of what no program can know."""

    def texts(self) -> Mapping[str, str]:
        """Path -> content."""

    def digest(self, path: str) -> str:
        """Of a file's content; empty where there is none."""

    def commit(self, path: str) -> str:
        """The last one that changed it; empty where nobody can tell."""


def catalog(
    world: World,
    processes: Sequence[str],
    files: Files,
    *,
    within: timedelta = REVIEW_WITHIN,
    now: datetime | None = None,
) -> list[Entry]:
    """Every entry with its newest review, in the order of their kinds and names.

    Parameters
    ----------
    processes
        Whose sensors, contracts and releases are shown.
    within
        A review that is older counts no more.
    """
    settings = [world.process(name) for name in processes]
    about, texts = known.read(files.known()), files.texts()

    def sourced(path: str) -> Source:
        return Source(path, files.digest(path), files.commit(path))

    messages = {"sample": tuple(Envelope.model_fields), "label": tuple(one.name for one in fields(Label))}
    found = [
        *sources.benchmarks(texts, about["benchmarks"], sourced),
        *sources.experiments(texts, about["experiments"], sourced),
        *sources.schemas(about, world.ledger.tables(), messages, sourced),
        *sources.features(about["features"], settings, sourced),
    ]
    for process in settings:
        noted = world.ledger.inventory(process.name)
        inventory = {name: facts_of({}, noted, name) for name in process.sensors}
        audits = {
            one.sensor: f"{one.verdict}, samples {one.first} to {one.stop - 1}"
            for one in world.ledger.audits(process.name, last=1)
        }
        found += sources.sensors(process, about["kinds"]["sensors"], inventory, audits, sourced)
        results = {
            one.contract: f"{one.verdict}, samples {one.first} to {one.stop - 1} of release {one.release}"
            for one in world.ledger.contract_results(process.name)
            if not one.slice
        }
        found += sources.contracts(process, about["kinds"]["contracts"], results, sourced)
        found += _releases(world, process, about["kinds"]["releases"])
    return reviewed(found, world.ledger.entry_reviews(), now or utc_now(), within)


def review_entry(world: World, entries: Sequence[Entry], name: str, *, who: str, note: str) -> Review:
    """Keep that somebody looked at an entry as it is now.

    Raises
    ------
    StateError
        If there is no such entry, or the note is empty.
    """
    found = {entry.name: entry for entry in entries}.get(name)
    if found is None:
        near = [entry.name for entry in entries if name.rpartition("/")[2] in entry.name][:5]
        raise StateError(f"no entry {name!r} in the catalog; {', '.join(near) or '`dq catalog` lists them'}")
    if not note.strip():
        raise StateError(f"{name}: a note expected that says what was looked at, found nothing")
    review = Review(name, found.digest, who, note.strip(), utc_now())
    world.ledger.review_entry(review)
    return review


def _releases(world: World, process: Process, about: Known) -> Iterator[Entry]:
    for row in world.ledger.releases(process.name):
        facts = {
            "kind": row.kind,
            "samples": str(row.samples),
            "created": f"{row.created_at:%Y-%m-%d %H:%M} UTC",
            "settings": row.settings_hash[:16],
            "run": row.run_id,
            **({"drift event": str(row.event)} if row.event is not None else {}),
            **{name: f"{value:.4g}" for name, value in row.metrics.items() if value is not None},
        }
        yield Entry(
            f"release/{process.name}/{row.version}",
            "release",
            f"Release {row.version} of {process.title}",
            f"Made as {row.kind}.",
            Source(f"ledger, releases: {process.name} {row.version}", row.key),
            about.validation,
            about.failures,
            facts,
            {"stage": str(row.stage)},
        )
