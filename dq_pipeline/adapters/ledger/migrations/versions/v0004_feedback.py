"""The loop from production back to training: late labels, reviews, training batches, where a sample came from."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns."""
    op.get_bind().exec_driver_sql(
        """
        ALTER TABLE dq.targets ADD COLUMN determined_at TIMESTAMP WITH TIME ZONE, ADD COLUMN lag BIGINT;
        ALTER TABLE dq.targets DROP CONSTRAINT targets_once, ADD CONSTRAINT targets_once
            UNIQUE NULLS NOT DISTINCT (process, sample_id, value, origin, annotator, determined_at);
        ALTER TABLE dq.scores ADD COLUMN partition INTEGER, ADD COLUMN "offset" BIGINT;
        CREATE INDEX scores_message ON dq.scores (process, partition, "offset");
        ALTER TABLE dq.predictions ADD COLUMN expected_error DOUBLE PRECISION;
        CREATE INDEX flags_sample ON dq.flags (process, sample_id);
        CREATE TABLE dq.reviews (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            process TEXT NOT NULL REFERENCES dq.processes (process),
            sample_id TEXT NOT NULL,
            state TEXT NOT NULL,
            priority DOUBLE PRECISION NOT NULL,
            reasons JSONB NOT NULL,
            rounds INTEGER NOT NULL,
            opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
            settled_at TIMESTAMP WITH TIME ZONE,
            outcome TEXT,
            value DOUBLE PRECISION,
            automatic BOOLEAN NOT NULL,
            content TEXT NOT NULL
        );
        CREATE INDEX reviews_sample ON dq.reviews (process, sample_id);
        CREATE INDEX reviews_content ON dq.reviews (process, content);
        CREATE INDEX reviews_state ON dq.reviews (process, state, priority);
        CREATE UNIQUE INDEX reviews_waiting ON dq.reviews (process, sample_id) WHERE state = 'waiting';
        CREATE TABLE dq.opinions (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            process TEXT NOT NULL REFERENCES dq.processes (process),
            review BIGINT NOT NULL REFERENCES dq.reviews (id),
            sample_id TEXT NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            before DOUBLE PRECISION,
            after DOUBLE PRECISION,
            confidence DOUBLE PRECISION,
            why TEXT NOT NULL,
            automatic BOOLEAN NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            token TEXT NOT NULL,
            evidence JSONB NOT NULL,
            CONSTRAINT opinions_once UNIQUE (process, review, token)
        );
        CREATE TRIGGER opinions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dq.opinions
            FOR EACH STATEMENT EXECUTE FUNCTION dq.refuse_to_change();
        CREATE TABLE dq.training_batches (
            process TEXT NOT NULL REFERENCES dq.processes (process),
            hash TEXT NOT NULL,
            key TEXT NOT NULL,
            samples BIGINT NOT NULL,
            refused BIGINT NOT NULL,
            rules JSONB NOT NULL,
            findings JSONB NOT NULL,
            reviewers JSONB NOT NULL,
            uri TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (process, hash)
        );
        CREATE TABLE dq.training_uses (
            process TEXT NOT NULL REFERENCES dq.processes (process),
            key TEXT NOT NULL,
            hash TEXT NOT NULL,
            PRIMARY KEY (process, key)
        );
        CREATE INDEX training_uses_hash ON dq.training_uses (process, hash);
        CREATE TABLE dq.training_samples (
            process TEXT NOT NULL,
            hash TEXT NOT NULL,
            sample_id TEXT NOT NULL,
            batch_id TEXT NOT NULL,
            target DOUBLE PRECISION NOT NULL,
            weight DOUBLE PRECISION,
            PRIMARY KEY (process, hash, sample_id, batch_id)
        );
        CREATE INDEX training_samples_sample ON dq.training_samples (process, sample_id);
        """
    )
