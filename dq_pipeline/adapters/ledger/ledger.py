"""The ledger on PostgreSQL, put together from its parts."""

from __future__ import annotations

from dq_pipeline.adapters.ledger.alerts import Alerts
from dq_pipeline.adapters.ledger.audits import Audits
from dq_pipeline.adapters.ledger.catalog import Catalog
from dq_pipeline.adapters.ledger.claims import Claims
from dq_pipeline.adapters.ledger.contracts import Contracts
from dq_pipeline.adapters.ledger.corrections import Corrections
from dq_pipeline.adapters.ledger.drift import Drift
from dq_pipeline.adapters.ledger.drills import Drills
from dq_pipeline.adapters.ledger.evidence import Evidence
from dq_pipeline.adapters.ledger.facts import Facts
from dq_pipeline.adapters.ledger.flags import Flags
from dq_pipeline.adapters.ledger.gauges import Gauges
from dq_pipeline.adapters.ledger.governing import Governing
from dq_pipeline.adapters.ledger.incidents import Incidents
from dq_pipeline.adapters.ledger.notices import Notices
from dq_pipeline.adapters.ledger.outbox import Outbox
from dq_pipeline.adapters.ledger.outcomes import Outcomes
from dq_pipeline.adapters.ledger.overview import Overview
from dq_pipeline.adapters.ledger.releases import Releases
from dq_pipeline.adapters.ledger.replays import Replays
from dq_pipeline.adapters.ledger.reviews import Reviews
from dq_pipeline.adapters.ledger.rollouts import Rollouts
from dq_pipeline.adapters.ledger.samples import Samples
from dq_pipeline.adapters.ledger.summary import Summary
from dq_pipeline.adapters.ledger.targets import Targets
from dq_pipeline.adapters.ledger.training import Trainings
from dq_pipeline.adapters.ledger.watching import Watching


class PostgresLedger(
    Claims,
    Outcomes,
    Samples,
    Targets,
    Outbox,
    Drift,
    Incidents,
    Flags,
    Reviews,
    Trainings,
    Governing,
    Gauges,
    Alerts,
    Drills,
    Catalog,
    Contracts,
    Evidence,
    Rollouts,
    Replays,
    Watching,
    Audits,
    Corrections,
    Releases,
    Facts,
    Notices,
    Summary,
    Overview,
):
    """:class:`dq_pipeline.ports.Ledger` on PostgreSQL, in the schema `dq` of the given database.

    Every method is one transaction. Construct it with a URL (`postgresql://user:password@host:5432/name`), call
    :meth:`migrate` once, share it between threads; :meth:`close` it before a fork.
    """
