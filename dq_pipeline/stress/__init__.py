"""Stress: at which severity of which perturbation accuracy, intervals, quality, alarms or triage break."""
