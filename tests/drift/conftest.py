"""The golden numbers and small in-control streams."""

from __future__ import annotations
