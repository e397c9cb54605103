"""Tables of the ledger, in the schema `dq`. The migrations create them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from dq_pipeline.adapters.ledger.columns import (
    SCHEMA,
    Words,
    document,
    flag,
    instant,
    number,
    of_incident,
    of_process,
    real,
    whole,
    words,
)

OPEN_STATES = ("claimed", "landed", "assessed")
LIVE_EVENTS = ("open", "rebuilding")
metadata = MetaData(schema=SCHEMA)

processes = Table(
    "processes",  # a row's lock is the lock of its process
    metadata,
    Column("process", Words, primary_key=True),
    whole("sequence"),  # of the newest batch
    whole("samples"),  # completed samples numbered so far
    Column("failures", Integer, nullable=False),
    instant("failed_at", required=False),
    words("error", required=False),
)
cursors = Table(
    "cursors",
    metadata,
    of_process(primary_key=True),
    Column("topic", Words, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    whole("first"),
    whole("next"),
)
batches = Table(
    "batches",
    metadata,
    of_process(primary_key=True),
    Column("batch_id", Words, primary_key=True),
    whole("sequence"),
    words("topic"),
    words("state"),
    whole("fence"),
    Column("attempts", Integer, nullable=False),
    flag("untried"),  # adopted, and no step has been tried on it since
    words("holder"),
    instant("lease_until"),
    words("raw_uri", required=False),
    words("uri", required=False),
    Column("messages", Integer),
    words("error", required=False),
    document("counts"),
    whole("first_sample", required=False),
    Column("samples", Integer, nullable=False),
    instant("claimed_at"),
    instant("landed_at", required=False),
    instant("assessed_at", required=False),
    instant("committed_at", required=False),
    UniqueConstraint("process", "sequence", name="batches_sequence"),
)
Index("batches_open", batches.c.process, batches.c.sequence, postgresql_where=text("committed_at IS NULL"))
ranges = Table(
    "ranges",
    metadata,
    Column("process", Words, primary_key=True),
    Column("batch_id", Words, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    words("topic"),
    whole("start"),
    whole("stop"),
    ForeignKeyConstraint(["process", "batch_id"], [batches.c.process, batches.c.batch_id]),
    UniqueConstraint("process", "topic", "partition", "start", name="ranges_start"),
    UniqueConstraint("process", "topic", "partition", "stop", name="ranges_stop"),
    CheckConstraint("stop > start", name="ranges_forward"),
)
losses = Table(
    "losses",
    metadata,
    number(),
    of_process(),
    words("topic"),
    Column("partition", Integer, nullable=False),
    whole("start"),
    whole("stop"),
    instant("found_at"),
    UniqueConstraint("process", "topic", "partition", "start", "stop", name="losses_once"),
)
scores = Table(
    "scores",  # every sample that passed the form gate, per scope
    metadata,
    of_process(primary_key=True),
    Column("sample_id", Words, primary_key=True),
    Column("scope", Words, primary_key=True),
    words("batch_id"),
    whole("sample", required=False),  # number in stream order; completions only
    words("source"),
    instant("start"),
    words("release", required=False),
    document("dimensions"),
    real("unified", required=False),
    flag("accepted"),
    real("drift_statistic", required=False),
    document("metadata"),
    Column("partition", Integer),  # the message it came in
    whole("offset", required=False),
    instant("arrived_at", required=False),  # by the broker's clock
    document("lost", required=False),
    CheckConstraint("(scope = 'completion') = (sample IS NOT NULL)", name="scores_numbered"),
)
Index("scores_sample", scores.c.process, scores.c.sample, unique=True, postgresql_where=text("sample IS NOT NULL"))
Index("scores_message", scores.c.process, scores.c.partition, scores.c.offset)
predictions = Table(
    "predictions",
    metadata,
    of_process(primary_key=True),
    Column("sample_id", Words, primary_key=True),
    Column("release", Words, primary_key=True),
    Column("role", Words, primary_key=True),
    words("batch_id"),
    real("value", required=False),
    real("lower", required=False),
    real("upper", required=False),
    real("unified", required=False),
    words("fallback", required=False),
    flag("alarm"),
    real("expected_error", required=False),  # before the truth is known
    instant("at"),
)
Index("predictions_release", predictions.c.process, predictions.c.release, predictions.c.role)
Index("predictions_alarm", predictions.c.process, predictions.c.role, postgresql_where=text("alarm"))
_SAID = ("process", "sample_id", "value", "origin", "annotator", "determined_at")
targets = Table(
    "targets",
    metadata,
    number(),
    of_process(),
    words("sample_id"),
    real("value"),
    words("origin"),
    words("annotator"),
    instant("at"),
    instant("determined_at", required=False),  # by the sender's clock
    whole("lag", required=False),  # samples that completed between this one and its label
    UniqueConstraint(*_SAID, name="targets_once", postgresql_nulls_not_distinct=True),
)
quarantine = Table(
    "quarantine",
    metadata,
    number(),
    of_process(),
    words("batch_id"),
    Column("partition", Integer, nullable=False),
    whole("offset"),
    words("reason"),
    words("detail"),
    words("sample_id", required=False),
    words("scope", required=False),
    instant("at"),
    instant("requeued_at", required=False),
    UniqueConstraint("process", "batch_id", "partition", "offset", name="quarantine_once"),
)
outbox = Table(
    "outbox",
    metadata,
    number(),
    of_process(),
    words("topic"),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    document("headers"),  # [[name, value in hex], ...]
    instant("at"),
    instant("sent_at", required=False),
)
Index("outbox_unsent", outbox.c.process, outbox.c.id, postgresql_where=text("sent_at IS NULL"))
detector_states = Table(
    "detector_states",
    metadata,
    of_process(primary_key=True),
    Column("detector", Words, primary_key=True),
    whole("sequence"),
    whole("samples"),
    Column("state", LargeBinary, nullable=False),
    instant("at"),
)
drift_events = Table(
    "drift_events",
    metadata,
    number(),
    of_process(),
    words("state"),
    words("release"),
    whole("sample"),
    real("change_point"),
    document("sensors"),
    real("statistic"),
    flag("calibrated"),
    instant("opened_at"),
    Column("alarms", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    words("outcome"),
    document("evidence"),
)
Index(
    "drift_events_live", drift_events.c.process, unique=True, postgresql_where=text("state IN ('open', 'rebuilding')")
)
drift_alarms = Table(
    "drift_alarms",
    metadata,
    number(),
    of_process(),
    words("batch_id"),
    Column("event", BigInteger, ForeignKey(drift_events.c.id)),
    words("detector"),
    words("release"),
    words("sample_id"),
    whole("sample"),
    real("change_point"),
    real("statistic"),
    real("threshold"),
    document("sensors"),
    flag("calibrated"),
    document("evidence"),
    instant("at"),
)
incidents = Table("incidents", metadata, number(), of_process(), *of_incident())
releases = Table(
    "releases",
    metadata,
    number(),
    of_process(),
    words("version"),
    words("run_id"),
    words("stage"),
    words("key"),
    Column("event", BigInteger, ForeignKey(drift_events.c.id)),
    words("kind"),
    document("metrics"),
    whole("samples"),
    instant("created_at"),
    words("settings_hash"),
    instant("promoted_at", required=False),
    UniqueConstraint("process", "version", name="releases_version"),
    UniqueConstraint("process", "key", name="releases_key"),
)
Index("releases_production", releases.c.process, unique=True, postgresql_where=text("stage = 'Production'"))
Index("releases_staging", releases.c.process, unique=True, postgresql_where=text("stage = 'Staging'"))
changes = Table(
    "changes",  # append-only: a trigger refuses everything but INSERT
    metadata,
    number(),
    of_process(),
    words("action"),
    words("version"),
    words("previous", required=False),
    words("who"),
    words("why"),
    instant("at"),
    whole("sample"),
)
holds = Table(
    "holds", metadata, of_process(primary_key=True), words("version"), whole("sample"), words("why"), instant("since")
)
configurations = Table(
    "configurations",
    metadata,
    of_process(primary_key=True),
    Column("settings_hash", Words, primary_key=True),
    document("settings"),
    instant("first_used_at"),
)
facts = Table(
    "facts",
    metadata,
    of_process(primary_key=True),
    Column("name", Words, primary_key=True),
    document("value"),
    instant("at"),
)
