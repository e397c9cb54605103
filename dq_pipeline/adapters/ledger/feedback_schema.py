"""Tables of the loop from production back to training, in the schema `dq`: flags, reviews, training batches."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from dq_pipeline.adapters.ledger.columns import (
    SCHEMA,
    Words,
    document,
    flag,
    instant,
    number,
    of_process,
    real,
    whole,
    words,
)
from dq_pipeline.adapters.ledger.schema import metadata as metadata  # with all tables, these among them

flags = Table(
    "flags",
    metadata,
    number(),
    of_process(),
    words("sample_id"),
    words("kind"),
    words("release"),
    document("evidence"),
    real("p", required=False),
    flag("rejected"),
    words("who"),
    words("mark"),
    instant("at"),
    UniqueConstraint("process", "sample_id", "kind", "release", "mark", name="flags_once"),
)
Index("flags_newest", flags.c.process, flags.c.id)
Index("flags_sample", flags.c.process, flags.c.sample_id)
reviews = Table(
    "reviews",  # one row for each time a sample is looked at
    metadata,
    number(),
    of_process(),
    words("sample_id"),
    words("state"),  # waiting, settled, refused
    real("priority"),
    document("reasons"),
    Column("rounds", Integer, nullable=False),  # opinions that are wanted
    instant("opened_at"),
    instant("settled_at", required=False),
    words("outcome", required=False),  # accept, correct, reject
    real("value", required=False),
    flag("automatic"),
    words("content"),  # hash of the recording, empty where it could not be read
)
Index("reviews_sample", reviews.c.process, reviews.c.sample_id)
Index("reviews_content", reviews.c.process, reviews.c.content)
Index("reviews_state", reviews.c.process, reviews.c.state, reviews.c.priority)
Index(
    "reviews_waiting",
    reviews.c.process,
    reviews.c.sample_id,
    unique=True,
    postgresql_where=text("state = 'waiting'"),
)
opinions = Table(
    "opinions",  # append-only: what each reviewer, or a rule, said
    metadata,
    number(),
    of_process(),
    Column("review", BigInteger, ForeignKey(f"{SCHEMA}.reviews.id"), nullable=False),
    words("sample_id"),
    words("who"),
    words("action"),  # accept, correct, reject, skip
    real("before", required=False),
    real("after", required=False),
    real("confidence", required=False),
    words("why"),
    flag("automatic"),
    instant("at"),
    words("token"),  # the form's: sent twice it counts once
    document("evidence"),
    UniqueConstraint("process", "review", "token", name="opinions_once"),
)
training_batches = Table(
    "training_batches",
    metadata,
    of_process(primary_key=True),
    Column("hash", Words, primary_key=True),  # of its content
    words("key"),  # of the challenger it was first made for
    whole("samples"),
    whole("refused"),
    document("rules"),  # the gate's settings and its version
    document("findings"),  # refused samples by gate, with their reasons
    document("reviewers"),
    words("uri"),
    instant("at"),
)
training_uses = Table(
    "training_uses",  # which challengers learned from which version
    metadata,
    of_process(primary_key=True),
    Column("key", Words, primary_key=True),
    words("hash"),
)
Index("training_uses_hash", training_uses.c.process, training_uses.c.hash)
training_samples = Table(
    "training_samples",
    metadata,
    Column("process", Words, primary_key=True),
    Column("hash", Words, primary_key=True),
    Column("sample_id", Words, primary_key=True),
    Column("batch_id", Words, primary_key=True),
    real("target"),
    real("weight", required=False),
)
Index("training_samples_sample", training_samples.c.process, training_samples.c.sample_id)
