"""Tables of what keeps a process trusted, in the schema `dq`: alerts, contracts, sensors, rollouts, drills."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from dq_pipeline.adapters.ledger.columns import (
    SCHEMA,
    Words,
    document,
    instant,
    number,
    of_process,
    real,
    whole,
    words,
)
from dq_pipeline.adapters.ledger.feedback_schema import metadata as metadata  # with all tables, these among them
from dq_pipeline.adapters.ledger.schema import incidents


def _of_incident() -> Column[int]:
    return Column("incident", BigInteger, ForeignKey(f"{SCHEMA}.incidents.id"))


Index(
    "incidents_cause",  # one open incident for each cause and what it is about
    incidents.c.process,
    incidents.c.cause,
    incidents.c.subject,
    unique=True,
    postgresql_where=text("ending IS NULL AND cause IS NOT NULL"),
)
alerts = Table(
    "alerts",
    metadata,
    number(),
    of_process(),
    words("kind"),
    words("key"),
    words("severity"),
    words("title"),
    words("subject"),
    whole("sample", required=False),
    document("evidence"),
    instant("at"),
    _of_incident(),
    instant("cleared_at", required=False),
)
Index("alerts_standing", alerts.c.process, alerts.c.key, unique=True, postgresql_where=text("cleared_at IS NULL"))
Index("alerts_incident", alerts.c.incident)
contracts = Table(
    "contracts",  # append-only: every edit is a version
    metadata,
    of_process(primary_key=True),
    Column("name", Words, primary_key=True),
    Column("version", Integer, primary_key=True),
    words("state"),  # in_force, withdrawn
    document("definition"),
    words("who"),
    instant("at"),
)
contract_results = Table(
    "contract_results",
    metadata,
    number(),
    of_process(),
    words("contract"),
    Column("version", Integer, nullable=False),
    words("slice"),  # key=value, empty for all samples
    words("release"),
    whole("first"),  # samples numbered first <= number < stop
    whole("stop"),
    whole("samples"),
    real("value", required=False),
    real("lower", required=False),
    real("upper", required=False),
    real("expected", required=False),
    real("expected_lower", required=False),
    real("expected_upper", required=False),
    words("verdict"),  # breach, watch, hold, not_enough_data
    document("detail"),
    instant("at"),
    UniqueConstraint(
        "process", "contract", "version", "slice", "release", "first", "stop", name="contract_results_once"
    ),
)
Index(
    "contract_results_newest",
    contract_results.c.process,
    contract_results.c.contract,
    contract_results.c.version,
    contract_results.c.id,
)
inventory = Table(
    "inventory",  # append-only: what was known of a sensor from when on
    metadata,
    number(),
    of_process(),
    words("sensor"),
    document("facts"),
    instant("since"),
    words("who"),
    words("why"),
    instant("at"),
)
Index("inventory_sensor", inventory.c.process, inventory.c.sensor, inventory.c.id)
audits = Table(
    "audits",  # one row for each sensor and window looked at
    metadata,
    number(),
    of_process(),
    words("sensor"),
    words("release"),
    whole("first"),
    whole("stop"),
    words("verdict"),
    real("gain", required=False),
    real("offset", required=False),
    real("lag", required=False),
    document("evidence"),
    instant("at"),
    UniqueConstraint("process", "sensor", "release", "first", "stop", name="audits_once"),
)
corrections = Table(
    "corrections",  # what a sensor's readings are turned back with while it is at fault
    metadata,
    number(),
    of_process(),
    words("sensor"),
    _of_incident(),
    real("gain"),
    real("offset"),
    whole("after"),  # micro-batches claimed after this sequence
    whole("until", required=False),  # and up to this one
    words("who"),
    words("why"),
    instant("at"),
    words("ended_by", required=False),
    words("ended_why", required=False),
    instant("ended_at", required=False),
)
Index(
    "corrections_open", corrections.c.process, corrections.c.sensor, unique=True, postgresql_where=text("until IS NULL")
)
rollouts = Table(
    "rollouts",  # append-only: every step of a release's way into Production
    metadata,
    number(),
    of_process(),
    words("version"),
    words("state"),  # shadow, canary, paused, waiting, promoted, aborted, ended
    words("champion"),
    real("share"),
    whole("after"),  # counts for micro-batches claimed after this sequence
    whole("sample"),
    document("record"),
    words("who"),
    words("why"),
    instant("at"),
)
Index("rollouts_version", rollouts.c.process, rollouts.c.version, rollouts.c.id)
drills = Table(
    "drills",
    metadata,
    number(),
    of_process(),
    words("key"),
    words("fault"),
    words("sensor"),
    real("severity"),
    document("record"),
    instant("began_at"),
    instant("found_at", required=False),
    instant("named_at", required=False),
    instant("alerted_at", required=False),
    instant("ended_at", required=False),
    words("verdict"),
    UniqueConstraint("process", "key", name="drills_once"),
)
catalog_reviews = Table(
    "catalog_reviews",  # append-only
    metadata,
    number(),
    words("entry"),
    words("digest"),  # of what stood there
    words("who"),
    words("note"),
    instant("at"),
)
