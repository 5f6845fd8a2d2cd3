"""The embedded analyst: rules instead of a model, offline, through the same tools (floor 1)."""
