"""Many trials of many settings: run side by side, written down once, shown in tables and plots."""
