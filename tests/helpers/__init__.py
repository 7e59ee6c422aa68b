"""What several tests need: networks, checks, and how to break things."""
