"""The ledger: the truth about what was read, decided, predicted and promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from dq_pipeline.ports.alerts import Alerts
from dq_pipeline.ports.audits import Audits
from dq_pipeline.ports.catalog import Catalog
from dq_pipeline.ports.contracts import Contracts
from dq_pipeline.ports.corrections import Corrections
from dq_pipeline.ports.drills import Drills
from dq_pipeline.ports.evidence import Evidence
from dq_pipeline.ports.gauges import Gauges
from dq_pipeline.ports.governing import Governing
from dq_pipeline.ports.incidents import Incidents
from dq_pipeline.ports.notices import Notices
from dq_pipeline.ports.overview import Overview
from dq_pipeline.ports.replays import Replays
from dq_pipeline.ports.reviews import Reviews
from dq_pipeline.ports.rollouts import Rollouts
from dq_pipeline.ports.samples import Samples
from dq_pipeline.ports.targets import Targets
from dq_pipeline.ports.training import Trainings
from dq_pipeline.ports.watching import Watching
from dq_pipeline.records import (
    BatchOutcome,
    Change,
    Claim,
    DetectorState,
    DriftAlarm,
    DriftEvent,
    EventState,
    Hold,
    Loss,
    Outgoing,
    Quarantined,
    ReleaseRow,
)


class Ledger(
    Samples,
    Targets,
    Reviews,
    Governing,
    Gauges,
    Trainings,
    Alerts,
    Rollouts,
    Replays,
    Contracts,
    Incidents,
    Evidence,
    Watching,
    Drills,
    Audits,
    Corrections,
    Catalog,
    Notices,
    Overview,
    Protocol,
):
    """The truth: what was read, decided, predicted and promoted. Every method is one transaction."""

    # --- a micro-batch's life
    def claim(
        self,
        process: str,
        topic: str,
        watermarks: Mapping[int, tuple[int, int]],
        *,
        max_messages: int,
        max_attempts: int,
        holder: str,
        lease_s: float,
        now: datetime,
    ) -> Claim | None:
        """Adopt the oldest open batch or claim the next offsets; None if there is nothing or another holds it."""

    def take(self, process: str, batch_id: str, *, holder: str, lease_s: float, now: datetime) -> Claim:
        """Take over a batch for the next step or a retry: raises its fence. Raises StateError, LostClaimError."""

    def mark_landed(self, claim: Claim, uri: str, messages: int, now: datetime) -> Claim:
        """The raw messages are in the lake. Raises LostClaimError if the fence is not the newest."""

    def mark_assessed(self, claim: Claim, uri: str, now: datetime) -> Claim:
        """The assessment is in the lake."""

    def commit(self, claim: Claim, outcome: BatchOutcome, now: datetime) -> None:
        """Write everything the batch decided, with its outbox, and commit its ranges: all or nothing."""

    def let_go(self, process: str, holder: str, error: str, now: datetime) -> None:
        """A run gives up: its lease ends now, so that the next run adopts its batch without waiting."""

    def unpark(self, process: str, now: datetime, *, batch_id: str | None = None) -> int:
        """Put parked batches, or this one, back in line, to be read again from the start; returns how many."""

    def quarantined(self, process: str) -> Sequence[tuple[int, str, Quarantined]]:
        """Messages in quarantine and not yet sent again: row id, URI of the landed raw messages, what was wrong."""

    def requeue(self, process: str, ids: Sequence[int], messages: Sequence[Outgoing], now: datetime) -> None:
        """Mark quarantine rows as sent again and put their original messages into the outbox, in one transaction."""

    def positions(self, process: str, topic: str) -> dict[int, int]:
        """Per partition the offset that the next claim starts at."""

    def open_batch(self, process: str, now: datetime) -> tuple[Claim, bool] | None:
        """The batch that is neither committed nor parked, and whether its lease still runs."""

    def failures(self, process: str) -> tuple[int, datetime | None]:
        """How many runs have failed in a row, and when the last did."""

    def losses(self, process: str) -> tuple[Loss, ...]:
        """Data loss found so far."""

    def add_losses(self, process: str, losses: Sequence[Loss], now: datetime) -> None:
        """Record offsets that are gone, as an incident too; the same loss twice is one."""

    # --- outbox
    def unsent(self, process: str, limit: int) -> Sequence[tuple[int, Outgoing]]:
        """Oldest outbox rows not yet sent."""

    def sent(self, ids: Sequence[int], now: datetime) -> None:
        """These rows were acknowledged by the broker."""

    # --- drift
    def detector_state(self, process: str, detector: str) -> DetectorState | None:
        """The newest running state of a fitted detector."""

    def open_event(self, process: str) -> DriftEvent | None:
        """The event that is open or rebuilding."""

    def events(self, process: str) -> Sequence[DriftEvent]:
        """All drift events, oldest first."""

    def move_event(self, event: int, state: EventState, *, outcome: str, attempts: int | None = None) -> None:
        """Move an event on."""

    def explain_event(self, event: int, cause: Mapping[str, Any]) -> None:
        """Keep what an event is put down to with its evidence; the first answer stands."""

    def raise_event(self, process: str, alarm: DriftAlarm, now: datetime) -> DriftEvent:
        """Open an event that no detector saw (the error alone), or return the one that is open."""

    # --- releases
    def add_release(self, release: ReleaseRow) -> ReleaseRow:
        """Record a registered version; the same key twice is one row."""

    def releases(self, process: str) -> Sequence[ReleaseRow]:
        """All releases, oldest first."""

    def production(self, process: str) -> ReleaseRow | None:
        """The release that answers now."""

    def release_by_key(self, process: str, key: str) -> ReleaseRow | None:
        """The release with this idempotency key."""

    def move_release(
        self,
        process: str,
        version: str,
        action: str,
        *,
        who: str,
        why: str,
        now: datetime,
        over: str | None = None,
    ) -> Change:
        """`stage`, `promote`, `reject` or `rollback` one version; repeating the newest change is no change.

        Promoting or rolling back archives the Production release. A rollback holds adaptation and closes the
        event that led away from that version as held. With `over` it is done only while that release is in Production
        and nothing is on hold; SupersededError otherwise.
        """

    def changes(self, process: str) -> Sequence[Change]:
        """The append-only promotion ledger, oldest first."""

    def hold(self, process: str) -> Hold | None:
        """Whether adaptation is on hold."""

    def resume(self, process: str, *, who: str, why: str, now: datetime) -> None:
        """Lift the hold."""

    def configuration(self, process: str, settings_hash: str, settings: Mapping[str, Any], now: datetime) -> None:
        """Remember the exact settings behind a run."""

    # --- small durable facts
    def put_fact(self, process: str, name: str, value: Mapping[str, Any], now: datetime) -> None:
        """Store a small JSON document under a name: initialization's manifest, the policy's state."""

    def change_fact(
        self,
        process: str,
        name: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
        now: datetime,
    ) -> None:
        """Replace a document by what `change` makes of it, with nobody writing in between; None leaves it."""

    def fact(self, process: str, name: str) -> dict[str, Any] | None:
        """Read it."""

    def summary(self, process: str) -> dict[str, Any]:
        """Counts for people: recordings read, accepted, quarantined by reason, alarms, parked, gaps, duplicates."""
