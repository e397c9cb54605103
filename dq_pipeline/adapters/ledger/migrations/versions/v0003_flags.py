"""Flags: samples that a person should look at, and what people reported."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE dq.flags (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            process TEXT NOT NULL REFERENCES dq.processes (process),
            sample_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            release TEXT NOT NULL,
            evidence JSONB NOT NULL,
            p DOUBLE PRECISION,
            rejected BOOLEAN NOT NULL,
            who TEXT NOT NULL,
            mark TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT flags_once UNIQUE (process, sample_id, kind, release, mark)
        );
        CREATE INDEX flags_newest ON dq.flags (process, id);
        """
    )
