"""MNIST: the paper's networks, the method, and its controls."""

EXPERIMENTS = []
