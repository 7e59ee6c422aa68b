"""From factors to the gated network."""
