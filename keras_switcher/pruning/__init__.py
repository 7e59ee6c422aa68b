"""From masks to a plan to a smaller network."""
