"""What could be learned that was not known before: counts for the governor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, select

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.feedback_schema import flags
from dq_pipeline.adapters.ledger.schema import scores, targets


class Governing(Database):
    """The part of the ledger that counts what could be learned."""

    def labelled_since(self, process: str, since: datetime) -> Sequence[str]:
        """Completed samples, accepted and not rejected, of which a label came or changed after `since`: their ids.

        A word that only says again what was known before is no change.
        """
        rejected = exists().where(
            flags.c.process == process, flags.c.sample_id == targets.c.sample_id, flags.c.rejected.is_(True)
        )
        earlier = targets.alias()
        known = exists().where(
            earlier.c.process == process,
            earlier.c.sample_id == targets.c.sample_id,
            earlier.c.value == targets.c.value,
            earlier.c.at <= since,
        )
        completed = and_(
            scores.c.process == targets.c.process,
            scores.c.sample_id == targets.c.sample_id,
            scores.c.scope == "completion",
            scores.c.accepted.is_(True),
        )
        wanted = (
            select(targets.c.sample_id)
            .distinct()
            .join(scores, completed)
            .where(targets.c.process == process, targets.c.at > since, ~rejected, ~known)
        )
        with self._begin() as connection:
            return connection.scalars(wanted).all()
