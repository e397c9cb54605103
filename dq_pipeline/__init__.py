"""Keeps machine-learning models on industrial sensor streams honest."""

__version__ = "0.1.0"
