"""Contracts: what production must be, checked against what was measured offline, with intervals."""
