"""What is no number becomes numeric columns: categories, lines of a log, small images."""

from dq_pipeline.encode.encoder import DELAY, Column, Encoder, Item
from dq_pipeline.encode.registry import ENCODERS, build
from dq_pipeline.encode.section import Categorical, Encoded, with_columns

__all__ = ["DELAY", "ENCODERS", "Categorical", "Column", "Encoded", "Encoder", "Item", "build", "with_columns"]
