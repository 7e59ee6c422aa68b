"""Allocation: from scores to masks that meet a budget from below, by construction."""
