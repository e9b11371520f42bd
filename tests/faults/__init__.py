"""Faults of real processes under a load that writes down what was acknowledged and what was answered."""
