"""Detectors of drift on streams whose changes are known: what the experiment `detectors` is made of."""
