"""Faults of the answers × clocks × restarts over 400 simulated days; `python -m tests.matrix --full` runs every cell."""
