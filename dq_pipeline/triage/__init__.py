"""Triage: which cause explains what was measured."""
