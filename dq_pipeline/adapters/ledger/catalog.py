"""The ledger's own tables as the catalog shows them, and reviews of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import insert, select

from dq_pipeline.adapters.ledger.database import Database
from dq_pipeline.adapters.ledger.report_schema import metadata
from dq_pipeline.adapters.ledger.trust_schema import catalog_reviews
from dq_pipeline.catalog.entry import Review


class Catalog(Database):
    """The part of the ledger that describes its tables and keeps reviews of the catalog."""

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Table -> column -> type, and whether it must be there."""
        return {
            table.name: {c.name: f"{c.type}{'' if c.nullable else ', required'}" for c in table.columns}
            for table in metadata.tables.values()
        }

    def review_entry(self, review: Review) -> None:
        """Keep that somebody looked at an entry; nothing is ever replaced."""
        with self._begin() as connection:
            row = {name: getattr(review, name) for name in Review.__slots__}
            connection.execute(insert(catalog_reviews).values(row))

    def entry_reviews(self) -> Sequence[Review]:
        """All reviews, oldest first."""
        with self._begin() as connection:
            rows = connection.execute(select(catalog_reviews).order_by(catalog_reviews.c.id)).all()
        return [Review(**{name: getattr(row, name) for name in Review.__slots__}) for row in rows]
