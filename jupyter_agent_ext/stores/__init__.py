"""Session stores: where the logs lie (floor 1)."""
