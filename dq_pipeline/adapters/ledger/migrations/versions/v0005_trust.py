"""What keeps a process trusted: alerts, causes, contracts, sensors, corrections, rollouts, drills."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns."""
    op.get_bind().exec_driver_sql(
        """
        ALTER TABLE dq.scores ADD COLUMN arrived_at TIMESTAMP WITH TIME ZONE, ADD COLUMN lost JSONB;
        ALTER TABLE dq.incidents ADD COLUMN cause TEXT, ADD COLUMN subject TEXT, ADD COLUMN severity TEXT,
            ADD COLUMN confidence DOUBLE PRECISION, ADD COLUMN record JSONB NOT NULL DEFAULT '{}';
        UPDATE dq.incidents SET kind = 'calibration', cause = 'calibration', subject = sensor, severity = 'critical'
            WHERE sensor IS NOT NULL AND (ending IS NOT NULL OR id IN (
                SELECT max(id) FROM dq.incidents WHERE ending IS NULL GROUP BY process, sensor));
        CREATE UNIQUE INDEX incidents_cause ON dq.incidents (process, cause, subject)
            WHERE ending IS NULL AND cause IS NOT NULL;
        CREATE TABLE dq.alerts (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            severity TEXT NOT NULL,
            title TEXT NOT NULL,
            subject TEXT NOT NULL,
            sample BIGINT,
            evidence JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            incident BIGINT,
            cleared_at TIMESTAMP WITH TIME ZONE,
            PRIMARY KEY (id),
            FOREIGN KEY(process) REFERENCES dq.processes (process),
            FOREIGN KEY(incident) REFERENCES dq.incidents (id)
        );
        CREATE INDEX alerts_incident ON dq.alerts (incident);
        CREATE UNIQUE INDEX alerts_standing ON dq.alerts (process, key) WHERE cleared_at IS NULL;
        CREATE TABLE dq.contracts (
            process TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            state TEXT NOT NULL,
            definition JSONB NOT NULL,
            who TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (process, name, version),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE TRIGGER contracts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dq.contracts
            FOR EACH STATEMENT EXECUTE FUNCTION dq.refuse_to_change();
        CREATE TABLE dq.contract_results (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            contract TEXT NOT NULL,
            version INTEGER NOT NULL,
            slice TEXT NOT NULL,
            release TEXT NOT NULL,
            first BIGINT NOT NULL,
            stop BIGINT NOT NULL,
            samples BIGINT NOT NULL,
            value FLOAT,
            lower FLOAT,
            upper FLOAT,
            expected FLOAT,
            expected_lower FLOAT,
            expected_upper FLOAT,
            verdict TEXT NOT NULL,
            detail JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT contract_results_once UNIQUE (process, contract, version, slice, release, first, stop),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE TABLE dq.inventory (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            sensor TEXT NOT NULL,
            facts JSONB NOT NULL,
            since TIMESTAMP WITH TIME ZONE NOT NULL,
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE INDEX inventory_sensor ON dq.inventory (process, sensor, id);
        CREATE TRIGGER inventory_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dq.inventory
            FOR EACH STATEMENT EXECUTE FUNCTION dq.refuse_to_change();
        CREATE TABLE dq.audits (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            sensor TEXT NOT NULL,
            release TEXT NOT NULL,
            first BIGINT NOT NULL,
            stop BIGINT NOT NULL,
            verdict TEXT NOT NULL,
            gain FLOAT,
            "offset" FLOAT,
            lag FLOAT,
            evidence JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT audits_once UNIQUE (process, sensor, release, first, stop),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE TABLE dq.corrections (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            sensor TEXT NOT NULL,
            incident BIGINT,
            gain FLOAT NOT NULL,
            "offset" FLOAT NOT NULL,
            after BIGINT NOT NULL,
            until BIGINT,
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            ended_by TEXT,
            ended_why TEXT,
            ended_at TIMESTAMP WITH TIME ZONE,
            PRIMARY KEY (id),
            FOREIGN KEY(process) REFERENCES dq.processes (process),
            FOREIGN KEY(incident) REFERENCES dq.incidents (id)
        );
        CREATE UNIQUE INDEX corrections_open ON dq.corrections (process, sensor) WHERE until IS NULL;
        CREATE TABLE dq.rollouts (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            version TEXT NOT NULL,
            state TEXT NOT NULL,
            champion TEXT NOT NULL,
            share FLOAT NOT NULL,
            after BIGINT NOT NULL,
            sample BIGINT NOT NULL,
            record JSONB NOT NULL,
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE INDEX rollouts_version ON dq.rollouts (process, version, id);
        CREATE TRIGGER rollouts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dq.rollouts
            FOR EACH STATEMENT EXECUTE FUNCTION dq.refuse_to_change();
        CREATE TABLE dq.drills (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            process TEXT NOT NULL,
            key TEXT NOT NULL,
            fault TEXT NOT NULL,
            sensor TEXT NOT NULL,
            severity FLOAT NOT NULL,
            record JSONB NOT NULL,
            began_at TIMESTAMP WITH TIME ZONE NOT NULL,
            found_at TIMESTAMP WITH TIME ZONE,
            named_at TIMESTAMP WITH TIME ZONE,
            alerted_at TIMESTAMP WITH TIME ZONE,
            ended_at TIMESTAMP WITH TIME ZONE,
            verdict TEXT NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT drills_once UNIQUE (process, key),
            FOREIGN KEY(process) REFERENCES dq.processes (process)
        );
        CREATE TABLE dq.catalog_reviews (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            entry TEXT NOT NULL,
            digest TEXT NOT NULL,
            who TEXT NOT NULL,
            note TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            PRIMARY KEY (id)
        );
        CREATE TRIGGER catalog_reviews_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dq.catalog_reviews
            FOR EACH STATEMENT EXECUTE FUNCTION dq.refuse_to_change();
        """
    )
