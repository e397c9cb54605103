"""The ledger: PostgreSQL, one transaction a call."""

from dq_pipeline.adapters.ledger.ledger import PostgresLedger

__all__ = ["PostgresLedger"]
