"""REST and server-sent events (floor 5)."""
