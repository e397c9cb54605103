"""Tables of what people are told and shown, in the schema `dq`: notices and reports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from dq_pipeline.adapters.ledger.columns import SCHEMA, document, flag, instant, number, of_process, whole, words
from dq_pipeline.adapters.ledger.trust_schema import metadata as metadata  # with all tables, these among them

notices = Table(
    "notices",
    metadata,
    number(),
    of_process(),
    words("key", required=False),  # told once for each
    words("kind"),  # the rule that told it: what a person finds useful or not
    words("subject"),
    words("severity"),
    words("title"),
    words("detail"),
    words("runbook"),
    Column("incident", BigInteger, ForeignKey(f"{SCHEMA}.incidents.id")),
    Column("alert", BigInteger, ForeignKey(f"{SCHEMA}.alerts.id")),
    instant("since", required=False),  # when what it tells of began
    flag("over"),  # what it tells of has ended
    document("record"),  # to whom it went, what was held back and why
    Column("attempts", Integer, nullable=False),
    instant("at"),
    instant("due_at", required=False),  # when it is tried (again); NULL: nothing is left to be sent
    instant("sent_at", required=False),  # when an address took it first
    Column("useful", Boolean),  # a person's word
    words("judged_by", required=False),
    instant("judged_at", required=False),
    UniqueConstraint("process", "key", name="notices_once"),
)
Index("notices_due", notices.c.process, notices.c.due_at, postgresql_where=text("due_at IS NOT NULL"))
Index("notices_sent", notices.c.process, notices.c.sent_at, postgresql_where=text("sent_at IS NOT NULL"))
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
