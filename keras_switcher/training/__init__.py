"""Training: when and how the task network and the switcher are updated."""
