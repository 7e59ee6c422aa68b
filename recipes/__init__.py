"""Recipes, studies and benchmarks: each result with the command that makes it again."""

import os

# A recipe's output is what it prints; TensorFlow's start-up messages are not part of it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
