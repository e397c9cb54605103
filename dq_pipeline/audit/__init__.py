"""Audits: whether each sensor measures what it should, as far as the others can tell."""
