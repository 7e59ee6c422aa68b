"""Graph: a network as calls, channels and groups of coupled channels."""
