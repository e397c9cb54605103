"""What the steps need from the world, as protocols; `dq_pipeline.adapters` holds what stands behind them."""

from dq_pipeline.ports.ledger import Ledger
from dq_pipeline.ports.notices import Sender
from dq_pipeline.ports.stores import History, Lake, Notifier, Registry, Stream, Writer
from dq_pipeline.ports.world import World

__all__ = ["History", "Lake", "Ledger", "Notifier", "Registry", "Sender", "Stream", "World", "Writer"]
