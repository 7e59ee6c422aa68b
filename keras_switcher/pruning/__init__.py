"""Pruning: from masks or factors to a plan, and from a plan to a smaller network."""
