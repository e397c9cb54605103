"""Features of the horizon, the inference model, its intervals and its figures."""
