"""The tools that the model may call (floor 2)."""
