"""Profiles: one compiled pass over a recording, and numbers that add up from then on."""
