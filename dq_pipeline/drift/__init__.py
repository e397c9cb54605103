"""Drift: what the window has in common. Measures, detectors, their calibration, and the policies that act on them."""
