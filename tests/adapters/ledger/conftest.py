"""An empty, migrated ledger for each test, and a stream of runs to drive it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

from dq_pipeline.adapters.ledger import PostgresLedger
from dq_pipeline.adapters.ledger.report_schema import metadata
from dq_pipeline.records import BatchOutcome, Claim, DriftAlarm, PredictionRow, ReleaseRow, SampleScore

if TYPE_CHECKING:
    from dq_pipeline.local import Endpoints

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PUMP = "pump"
TOPIC = "pump.samples"


@pytest.fixture(scope="session")
def migrated(servers: Endpoints) -> Iterator[str]:
    """URL of a database that was migrated once."""
    administrator = create_engine(servers.database_url, isolation_level="AUTOCOMMIT")
    name = f"dq_ledger_{secrets.token_hex(4)}"
    with administrator.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = servers.database_url.rpartition("/")[0] + f"/{name}"
    ledger = PostgresLedger(url)
    ledger.migrate()
    ledger.close()
    yield url
    with administrator.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    administrator.dispose()


@pytest.fixture
def ledger(migrated: str) -> Iterator[PostgresLedger]:
    """An empty ledger. Emptying one takes 20 ms where dropping a database takes half a second."""
    ledger = PostgresLedger(migrated)
    yield ledger
    with ledger._begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # past keys and triggers
        for table in metadata.tables.values():
            connection.execute(table.delete())
    ledger.close()


@dataclass
class Line:
    """One process' stream and its runs, with a clock that moves when told to."""

    ledger: PostgresLedger
    process: str = PUMP
    now: datetime = NOW
    ends: dict[int, int] = field(default_factory=lambda: {0: 0})
    earliest: dict[int, int] = field(default_factory=dict)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def arrive(self, count: int, partition: int = 0) -> None:
        self.ends[partition] = self.ends.get(partition, 0) + count

    def claim(self, holder: str = "run-1", **options: Any) -> Claim | None:
        marks: Mapping[int, tuple[int, int]] = {p: (self.earliest.get(p, 0), end) for p, end in self.ends.items()}
        settings = {"max_messages": 100, "max_attempts": 3, "lease_s": 60.0, **options}
        return self.ledger.claim(self.process, TOPIC, marks, holder=holder, now=self.now, **settings)

    def take(self, claim: Claim, holder: str = "run-1") -> Claim:
        return self.ledger.take(self.process, claim.batch_id, holder=holder, lease_s=60, now=self.now)

    def assessed(self, holder: str = "run-1") -> Claim:
        """A batch of one more message, as it stands before its commit."""
        self.arrive(1)
        claim = self.claim(holder)
        assert claim is not None
        claim = self.ledger.mark_landed(claim, f"raw/{claim.batch_id}", 1, self.now)
        claim = self.take(claim, holder)
        claim = self.ledger.mark_assessed(claim, f"assessed/{claim.batch_id}", self.now)
        return self.take(claim, holder)

    def commit(self, **outcome: Any) -> Claim:
        claim = self.assessed()
        self.ledger.commit(claim, BatchOutcome(**outcome), self.now)
        return claim


@pytest.fixture
def line(ledger: PostgresLedger) -> Line:
    return Line(ledger)


@pytest.fixture
def new_line() -> type[Line]:
    return Line


@pytest.fixture
def score() -> Any:
    def make(sample_id: str, scope: Any = "completion", **options: Any) -> SampleScore:
        values = {"source": "p1", "start": NOW, "release": "1", "dimensions": {"completeness": 1.0}, "unified": 0.5}
        return SampleScore(**{**values, "sample_id": sample_id, "scope": scope, "accepted": True, **options})

    return make


@pytest.fixture
def prediction() -> Any:
    def make(sample_id: str, **options: Any) -> PredictionRow:
        values = {"release": "1", "role": "champion", "value": 1.5, "lower": 1.0, "upper": 2.0, "unified": 0.5}
        return PredictionRow(**{**values, "sample_id": sample_id, "fallback": None, "alarm": False, **options})

    return make


@pytest.fixture
def alarm() -> Any:
    def make(change_point: float, **options: Any) -> DriftAlarm:
        values = {"detector": "d1", "release": "1", "sample_id": "x", "sample": int(change_point) + 3, "statistic": 9.0}
        more = {"threshold": 5.0, "sensors": ("PS1", "TS1"), "calibrated": True, "evidence": {"PS1": 0.75}}
        return DriftAlarm(**{**values, **more, "change_point": change_point, **options})

    return make


@pytest.fixture
def release() -> Any:
    def make(version: str, **options: Any) -> ReleaseRow:
        values = {"process": PUMP, "run_id": f"run{version}", "stage": "None", "key": f"key{version}", "event": None}
        more = {"kind": "initial", "metrics": {"mae": 0.1}, "samples": 100, "created_at": NOW, "settings_hash": "abc"}
        return ReleaseRow(**{**values, **more, "version": version, **options})

    return make
