"""Entries of the catalog: what there is, where it comes from, how it was validated, how it fails, who looked at it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

_OWN_CONTENT = ("table", "sensor", "contract")
"""Kinds that say all there is to say: what else changes in their file is not theirs."""
Kind = Literal["benchmark", "experiment", "message", "table", "lake", "feature", "sensor", "contract", "release"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry comes from: a file with its digest and last commit, or a row of the ledger."""

    place: str
    digest: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Somebody looked at an entry as it was then."""

    entry: str
    digest: str
    who: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing.

    Attributes
    ----------
    name
        `<kind>/<what>`, unique in a catalog.
    facts
        What there is to know of it, by name, in the order shown.
    state
        How it stands now; another state is no change of the entry.
    figures
        Rows of a table, all with the same columns; empty where it has none.
    stale
        Why somebody should look at it; empty where nobody need.
    """

    name: str
    kind: Kind
    title: str
    text: str
    source: Source
    validation: str
    failures: str
    facts: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    figures: tuple[Mapping[str, Any], ...] = ()
    review: Review | None = None
    stale: str = ""

    @property
    def digest(self) -> str:
        """Of what a review speaks of: everything but the commit, how it stands now, and the review.

        Examples
        --------
        >>> one = Entry("lake/raw", "lake", "raw", "Messages.", Source("paths.py", "ab"), "Read back.", "None.")
        >>> one.digest == replace(one, stale="never reviewed").digest, one.digest == replace(one, text="Else.").digest
        (True, False)
        """
        told = {
            "name": self.name,
            "title": self.title,
            "text": self.text,
            "source": [self.source.place, "" if self.kind in _OWN_CONTENT else self.source.digest],
            "validation": self.validation,
            "failures": self.failures,
            "facts": dict(self.facts),
            "figures": [dict(row) for row in self.figures],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        review = None if self.review is None else asdict(self.review) | {"at": self.review.at.isoformat()}
        plain = {name: getattr(self, name) for name in ("name", "kind", "title", "text", "validation", "failures")}
        return {
            **plain,
            "source": asdict(self.source),
            "facts": dict(self.facts),
            "state": dict(self.state),
            "figures": [dict(row) for row in self.figures],
            "digest": self.digest,
            "review": review,
            "stale": self.stale,
        }


def reviewed(entries: Iterable[Entry], reviews: Sequence[Review], now: datetime, within: timedelta) -> list[Entry]:
    """Entries with their newest review, and why somebody should look at those that need it.

    Parameters
    ----------
    reviews
        Oldest first.
    within
        A review that is older counts no more.
    """
    newest = {review.entry: review for review in reviews}
    found = []
    for entry in entries:
        review = newest.get(entry.name)
        if review is None:
            stale = "never reviewed"
        elif review.digest != entry.digest:
            stale = f"changed since it was reviewed on {review.at:%Y-%m-%d}"
        elif now - review.at > within:
            stale = f"reviewed {(now - review.at).days} days ago"
        else:
            stale = ""
        found.append(replace(entry, review=review, stale=stale))
    return found
