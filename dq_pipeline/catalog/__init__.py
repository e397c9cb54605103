"""The catalogue: what there is, where it comes from, and when somebody last looked at it."""
