"""What people are told and shown: notices with their deliveries and a person's word, and reports."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables."""
    op.get_bind().exec_driver_sql(
        """
        CREATE TABLE dq.notices (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            key TEXT,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            severity TEXT NOT NULL,
            title TEXT NOT NULL,
            detail TEXT NOT NULL,
            runbook TEXT NOT NULL,
            incident BIGINT,
            alert BIGINT,
            since TIMESTAMP WITH TIME ZONE,
            over BOOLEAN NOT NULL,
            record JSONB NOT NULL,
            attempts INTEGER NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE,
            sent_at TIMESTAMP WITH TIME ZONE,
            useful BOOLEAN,
            judged_by TEXT,
            judged_at TIMESTAMP WITH TIME ZONE,
            PRIMARY KEY (id),
            FOREIGN KEY(process) REFERENCES dq.processes (process),
            FOREIGN KEY(incident) REFERENCES dq.incidents (id),
            FOREIGN KEY(alert) REFERENCES dq.alerts (id),
            CONSTRAINT notices_once UNIQUE (process, key)
        );
        CREATE INDEX notices_due ON dq.notices (process, due_at) WHERE due_at IS NOT NULL;
        CREATE INDEX notices_sent ON dq.notices (process, sent_at) WHERE sent_at IS NOT NULL;
        CREATE INDEX notices_process ON dq.notices (process, at);
        CREATE TABLE dq.reports (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            key TEXT NOT NULL,
            kind TEXT NOT NULL,
            title TEXT NOT NULL,
            release TEXT NOT NULL,
            first BIGINT,
            stop BIGINT,
            uri TEXT NOT NULL,
            media_type TEXT NOT NULL,
            record JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT reports_once UNIQUE (process, key),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE INDEX contract_results_newest ON dq.contract_results (process, contract, version, id);
        CREATE INDEX predictions_alarm ON dq.predictions (process, role) WHERE alarm;
        """
    )
