"""Trials: one seed of an experiment, from an untrained network to a row of results."""
