"""The agent: the loop, its context and its permissions (floor 3)."""
