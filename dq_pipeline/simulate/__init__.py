"""Streams to try the platform on: a simulated process, and defects and drifts to inject."""
