"""Signatures of a loop that is sick, told from what the ledger counts."""
