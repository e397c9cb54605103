"""Signatures of a loop that is sick, told from what the ledger counts.

Each is a function of counts and arrays to a :class:`~dq_pipeline.watch.sign.Sign`.
"""
