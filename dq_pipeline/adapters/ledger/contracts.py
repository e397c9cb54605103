"""Contracts: their versions, what was found of them, and what production gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, func, insert, select, true
from sqlalchemy.dialects.postgresql import insert as upsert

from dq_pipeline.adapters.ledger.columns import plain
from dq_pipeline.adapters.ledger.database import Database, lock_process
from dq_pipeline.adapters.ledger.schema import batches, predictions, scores
from dq_pipeline.adapters.ledger.targets import truth_of
from dq_pipeline.adapters.ledger.trust_schema import contract_results, contracts
from dq_pipeline.records import ACTING, ContractResult, ContractVersion, Observation

WITHDRAWN = "withdrawn"


class Contracts(Database):
    """The part of the ledger that keeps contracts."""

    def put_contracts(
        self, process: str, definitions: Mapping[str, Mapping[str, Any]], *, who: str, now: datetime
    ) -> Sequence[ContractVersion]:
        """Make these the contracts in force: what is new or was edited, and what is withdrawn, as rows.

        Who signed a definition is who made its version; `who` where nobody did.
        """
        with self._begin() as connection:
            lock_process(connection, process)
            newest = {row.name: row for row in connection.execute(_versions(process))}
            rows: list[dict[str, Any]] = []
            for name in sorted({*definitions, *newest}):
                before, wanted = newest.get(name), definitions.get(name)
                definition = plain(before.definition if wanted is None and before is not None else wanted)
                state = WITHDRAWN if wanted is None else "in_force"
                if before is not None and (before.state, before.definition) == (state, definition):
                    continue
                signed = "" if wanted is None else str(wanted.get("signed_by") or "")
                number = 1 if before is None else before.version + 1
                row = {"process": process, "name": name, "version": number, "state": state}
                rows.append({**row, "definition": definition, "who": signed or who, "at": now})
            if rows:
                connection.execute(insert(contracts), rows)
        return [ContractVersion(**row) for row in rows]

    def contracts(self, process: str) -> Sequence[ContractVersion]:
        """Every version, oldest first."""
        with self._begin() as connection:
            rows = connection.execute(_versions(process)).all()
        return [_version(row) for row in rows]

    def add_contract_results(self, process: str, results: Sequence[ContractResult], now: datetime) -> int:
        """Keep what was found; the same window of the same version and release twice is one. How many were new."""
        rows = [{**asdict(one), "detail": plain(one.detail), "process": process, "at": now} for one in results]
        if not rows:
            return 0
        with self._begin() as connection:
            lock_process(connection, process)
            written = upsert(contract_results).on_conflict_do_nothing(constraint="contract_results_once")
            return sum(connection.execute(written.values(row)).rowcount for row in rows)

    def contract_results(
        self, process: str, *, contract: str | None = None, last: int | None = None
    ) -> Sequence[ContractResult]:
        """What was found, oldest first: the newest `last` of it."""
        table = contract_results
        wanted = select(table).where(table.c.process == process).order_by(table.c.id.desc()).limit(last)
        if contract is not None:
            wanted = wanted.where(table.c.contract == contract)
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        names = ContractResult.__slots__
        return [ContractResult(**{name: getattr(row, name) for name in names}) for row in reversed(rows)]

    def observations(
        self, process: str, *, first_sample: int, stop_sample: int, release: str | None = None
    ) -> Sequence[Observation]:
        """Completed samples of first <= number < stop in stream order.

        Each with its first answer that was acted on, or with that of `release` in whichever role, and its truth.
        """
        of_sample = and_(predictions.c.process == scores.c.process, predictions.c.sample_id == scores.c.sample_id)
        acted = predictions.c.role.in_(ACTING)
        then = predictions.c.role != "replay"
        chosen = acted if release is None else and_(predictions.c.release == release, then)
        acting = case((acted, 0), else_=1)
        answer = (
            select(predictions)
            .where(of_sample, chosen)
            .order_by(acting, predictions.c.at, predictions.c.release)
            .limit(1)
            .correlate(scores)
            .lateral("answer")
        )
        early = scores.alias("early")
        came = and_(
            early.c.process == scores.c.process,
            early.c.sample_id == scores.c.sample_id,
            early.c.scope == "horizon",
        )
        truth = truth_of(scores)
        wanted = (
            select(
                scores,
                func.coalesce(early.c.arrived_at, scores.c.arrived_at).label("came_at"),
                answer.c.release.label("answered_by"),
                answer.c.value,
                answer.c.lower,
                answer.c.upper,
                answer.c.fallback,
                answer.c.alarm,
                answer.c.expected_error,
                answer.c.at.label("answered_at"),
                truth.c.value.label("target"),
            )
            .select_from(
                scores.outerjoin(early, came).outerjoin(answer, true()).outerjoin(truth, true()),
            )
            .where(scores.c.process == process, scores.c.sample >= first_sample, scores.c.sample < stop_sample)
            .order_by(scores.c.sample)
        )
        with self._begin() as connection:
            rows = connection.execute(wanted).all()
        return [_observation(row) for row in rows]

    def raw_uris(self, process: str, batch_ids: Sequence[str]) -> dict[str, str]:
        """Where the raw messages of these micro-batches lie."""
        wanted = select(batches.c.batch_id, batches.c.raw_uri).where(
            batches.c.process == process, batches.c.batch_id.in_(batch_ids), batches.c.raw_uri.is_not(None)
        )
        with self._begin() as connection:
            return {row.batch_id: row.raw_uri for row in connection.execute(wanted)}

    def answered_from(self, process: str, ids: Sequence[str]) -> dict[str, str]:
        """Sample -> the micro-batch whose message was answered."""
        wanted = select(predictions.c.sample_id, predictions.c.batch_id).where(
            predictions.c.process == process, predictions.c.role.in_(ACTING), predictions.c.sample_id.in_(ids)
        )
        with self._begin() as connection:
            return {row.sample_id: row.batch_id for row in connection.execute(wanted)}


def _versions(process: str) -> Any:
    return select(contracts).where(contracts.c.process == process).order_by(contracts.c.name, contracts.c.version)


def _version(row: Row[Any]) -> ContractVersion:
    return ContractVersion(**{name: getattr(row, name) for name in ContractVersion.__slots__})


def _observation(row: Row[Any]) -> Observation:
    own = {"whole_at": row.arrived_at, "release": row.answered_by}
    return Observation(**{n: own[n] if n in own else getattr(row, n) for n in Observation.__slots__})
