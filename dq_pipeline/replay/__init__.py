"""Replay: what a policy would have done on recorded history, by the code that the deployment runs."""
