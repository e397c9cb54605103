"""Tables of what people are told and shown, in the schema `dq`: notices and reports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from dq_pipeline.adapters.ledger.columns import SCHEMA, document, instant, number, of_process, whole, words
from dq_pipeline.adapters.ledger.trust_schema import metadata as metadata  # with all tables, these among them

notices = Table(
    "notices",
    metadata,
    number(),
    of_process(),
    words("kind"),  # the rule that told it: what a person finds useful or not
    words("severity"),
    words("title"),
    words("detail"),
    words("runbook"),
    Column("incident", BigInteger, ForeignKey(f"{SCHEMA}.incidents.id")),
    document("record"),  # to whom it went, what was held back and why
    Column("attempts", Integer, nullable=False),
    instant("at"),
    instant("due_at", required=False),  # when it is tried (again); NULL: nothing is left to be sent
    Column("useful", Boolean),  # a person's word
    words("judged_by", required=False),
    instant("judged_at", required=False),
)
Index("notices_due", notices.c.due_at, postgresql_where=text("due_at IS NOT NULL"))
Index("notices_process", notices.c.process, notices.c.at)
reports = Table(
    "reports",
    metadata,
    number(),
    of_process(),
    words("key"),  # made once: drift-<release>, digest-<week>
    words("kind"),
    words("title"),
    words("release"),  # empty: of none alone
    whole("first", required=False),  # samples numbered first <= number < stop
    whole("stop", required=False),
    words("uri"),  # in the lake
    words("media_type"),
    document("record"),
    instant("at"),
    UniqueConstraint("process", "key", name="reports_once"),
)
