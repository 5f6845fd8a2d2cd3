"""Model adapters: what answers the model requests (floor 1)."""
