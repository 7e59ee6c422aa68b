"""Gating: the network whose kernels are scaled by factors."""
