"""The task networks of the recipes, one file each."""
