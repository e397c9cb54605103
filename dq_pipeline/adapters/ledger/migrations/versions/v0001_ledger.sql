-- The ledger's first schema. A later change is a migration of its own: this file stays as it is.

CREATE TABLE dq.processes (
    process TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    samples BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    PRIMARY KEY (process)
);

CREATE TABLE dq.batches (
    process TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    fence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    untried BOOLEAN NOT NULL,
    holder TEXT NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
    raw_uri TEXT,
    uri TEXT,
    messages INTEGER,
    error TEXT,
    counts JSONB NOT NULL,
    first_sample BIGINT,
    samples INTEGER NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    landed_at TIMESTAMP WITH TIME ZONE,
    assessed_at TIMESTAMP WITH TIME ZONE,
    committed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (process, batch_id),
    CONSTRAINT batches_sequence UNIQUE (process, sequence),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);
CREATE INDEX batches_open ON dq.batches (process, sequence) WHERE committed_at IS NULL;

CREATE TABLE dq.changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    action TEXT NOT NULL,
    version TEXT NOT NULL,
    previous TEXT,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    sample BIGINT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.configurations (
    process TEXT NOT NULL,
    settings_hash TEXT NOT NULL,
    settings JSONB NOT NULL,
    first_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (process, settings_hash),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.cursors (
    process TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    first BIGINT NOT NULL,
    next BIGINT NOT NULL,
    PRIMARY KEY (process, topic, partition),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.detector_states (
    process TEXT NOT NULL,
    detector TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    samples BIGINT NOT NULL,
    state BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (process, detector),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.drift_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    state TEXT NOT NULL,
    release TEXT NOT NULL,
    sample BIGINT NOT NULL,
    change_point FLOAT NOT NULL,
    sensors JSONB NOT NULL,
    statistic FLOAT NOT NULL,
    calibrated BOOLEAN NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    alarms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    evidence JSONB NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);
CREATE UNIQUE INDEX drift_events_live ON dq.drift_events (process) WHERE state IN ('open', 'rebuilding');

CREATE TABLE dq.facts (
    process TEXT NOT NULL,
    name TEXT NOT NULL,
    value JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (process, name),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.holds (
    process TEXT NOT NULL,
    version TEXT NOT NULL,
    sample BIGINT NOT NULL,
    why TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (process),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.incidents (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    evidence JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    told BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.losses (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    start BIGINT NOT NULL,
    stop BIGINT NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT losses_once UNIQUE (process, topic, partition, start, stop),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    topic TEXT NOT NULL,
    key BYTEA NOT NULL,
    value BYTEA NOT NULL,
    headers JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);
CREATE INDEX outbox_unsent ON dq.outbox (process, id) WHERE sent_at IS NULL;

CREATE TABLE dq.predictions (
    process TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    release TEXT NOT NULL,
    role TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    value FLOAT,
    lower FLOAT,
    upper FLOAT,
    unified FLOAT,
    fallback TEXT,
    alarm BOOLEAN NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (process, sample_id, release, role),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);
CREATE INDEX predictions_release ON dq.predictions (process, release, role);

CREATE TABLE dq.quarantine (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    sample_id TEXT,
    scope TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    requeued_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT quarantine_once UNIQUE (process, batch_id, partition, "offset"),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.scores (
    process TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    sample BIGINT,
    source TEXT NOT NULL,
    start TIMESTAMP WITH TIME ZONE NOT NULL,
    release TEXT,
    dimensions JSONB NOT NULL,
    unified FLOAT,
    accepted BOOLEAN NOT NULL,
    drift_statistic FLOAT,
    metadata JSONB NOT NULL,
    PRIMARY KEY (process, sample_id, scope),
    CONSTRAINT scores_numbered CHECK ((scope = 'completion') = (sample IS NOT NULL)),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);
CREATE UNIQUE INDEX scores_sample ON dq.scores (process, sample) WHERE sample IS NOT NULL;

CREATE TABLE dq.targets (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    value FLOAT NOT NULL,
    origin TEXT NOT NULL,
    annotator TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT targets_once UNIQUE (process, sample_id, value, origin),
    FOREIGN KEY(process) REFERENCES dq.processes (process)
);

CREATE TABLE dq.drift_alarms (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    event BIGINT,
    detector TEXT NOT NULL,
    release TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    sample BIGINT NOT NULL,
    change_point FLOAT NOT NULL,
    statistic FLOAT NOT NULL,
    threshold FLOAT NOT NULL,
    sensors JSONB NOT NULL,
    calibrated BOOLEAN NOT NULL,
    evidence JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(process) REFERENCES dq.processes (process),
    FOREIGN KEY(event) REFERENCES dq.drift_events (id)
);

CREATE TABLE dq.ranges (
    process TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    partition INTEGER NOT NULL,
    topic TEXT NOT NULL,
    start BIGINT NOT NULL,
    stop BIGINT NOT NULL,
    PRIMARY KEY (process, batch_id, partition),
    FOREIGN KEY(process, batch_id) REFERENCES dq.batches (process, batch_id),
    CONSTRAINT ranges_start UNIQUE (process, topic, partition, start),
    CONSTRAINT ranges_stop UNIQUE (process, topic, partition, stop),
    CONSTRAINT ranges_forward CHECK (stop > start)
);

CREATE TABLE dq.releases (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    process TEXT NOT NULL,
    version TEXT NOT NULL,
    run_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    key TEXT NOT NULL,
    event BIGINT,
    kind TEXT NOT NULL,
    metrics JSONB NOT NULL,
    samples BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settings_hash TEXT NOT NULL,
    promoted_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT releases_version UNIQUE (process, version),
    CONSTRAINT releases_key UNIQUE (process, key),
    FOREIGN KEY(process) REFERENCES dq.processes (process),
    FOREIGN KEY(event) REFERENCES dq.drift_events (id)
);
CREATE UNIQUE INDEX releases_production ON dq.releases (process) WHERE stage = 'Production';
CREATE UNIQUE INDEX releases_staging ON dq.releases (process) WHERE stage = 'Staging';

CREATE FUNCTION dq.refuse_to_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'dq.changes is append-only: who promoted or rolled back what, and why, stays. Add a row instead.';
END
$$;
CREATE TRIGGER changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dq.changes
    FOR EACH STATEMENT EXECUTE FUNCTION dq.refuse_to_change();
