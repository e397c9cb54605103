"""Incidents of a sensor at fault: which, from which sample on, and how they ended."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the life of such an incident to the table."""
    op.get_bind().exec_driver_sql(
        """
        ALTER TABLE dq.incidents
            ADD COLUMN event BIGINT REFERENCES dq.drift_events (id),
            ADD COLUMN sensor TEXT,
            ADD COLUMN first BIGINT,
            ADD COLUMN stop BIGINT,
            ADD COLUMN until BIGINT,
            ADD COLUMN ending TEXT,
            ADD COLUMN closed_by TEXT,
            ADD COLUMN closed_at TIMESTAMP WITH TIME ZONE,
            ADD CONSTRAINT incidents_event UNIQUE (event)
        """
    )
